#include "http_date.h"

#include <doctest/doctest.h>

namespace cadastre {

TEST_CASE("a date is read in its preferred form and in no other") {
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == instant_from_s(784111777));
  CHECK(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT") == instant_from_s(0));
  for (const char* const text :
       {"", "now", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 28:49:37 GMT", "Sun, 06 Nov 1994 08:-9:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT"}) {
    CAPTURE(text);
    CHECK(!parse_http_date(text));
  }
}

}  // namespace cadastre

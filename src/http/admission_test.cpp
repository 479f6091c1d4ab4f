#include "http/admission.h"

#include <doctest/doctest.h>

using namespace cadastre::http;

TEST_CASE("connections are capped in all and by address, and leaving makes room") {
  Admission admission(3, 2);
  CHECK(admission.enter("a"));
  CHECK(admission.enter("a"));
  CHECK_FALSE(admission.enter("a"));
  CHECK(admission.enter("b"));
  CHECK_FALSE(admission.enter("b"));
  CHECK_FALSE(admission.enter("c"));
  admission.leave("a");
  CHECK(admission.enter("c"));
  CHECK_FALSE(admission.enter("a"));
}

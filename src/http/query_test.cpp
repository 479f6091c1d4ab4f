// What a query says, by name.
#include "http/query.h"

#include <doctest/doctest.h>

#include <limits>

namespace cadastre::http {
namespace {

TEST_CASE("a number is decimal digits and nothing else, and as great as can be when it does not fit") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  struct Row {
    std::string_view text;
    std::optional<std::int64_t> number;
  };
  const Row rows[] = {
      {"0", 0},
      {"7", 7},
      {"007", 7},
      {"9223372036854775807", most},
      {"9223372036854775808", most},
      {"99999999999999999999999", most},
      {"", {}},
      {"-1", {}},
      {"-0", {}},
      {"-99999999999999999999999", {}},
      {"+1", {}},
      {" 1", {}},
      {"1 ", {}},
      {"1.0", {}},
      {"1e2", {}},
      {"0x1", {}},
      {"99999999999999999999999x", {}},
      {"x", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(parse_number(row.text) == row.number);
  }
}

TEST_CASE("a parameter that is a number is one from 0 to what it may be, or absent") {
  const Query query = Query::parse("some=5&most=9&more=10&word=x&none=").value();
  CHECK(query.number("some", 9).value() == 5);
  CHECK(query.number("most", 9).value() == 9);
  CHECK(query.number("absent", 9).value() == std::nullopt);
  for (const char* name : {"more", "word", "none"}) {
    CAPTURE(name);
    const auto refused = query.number(name, 9);
    REQUIRE(!refused);
    CHECK(refused.error().code == Code::malformed);
    CHECK(refused.error().subject == name);
  }
}

}  // namespace
}  // namespace cadastre::http

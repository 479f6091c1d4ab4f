// A device's name can stand in a path, in a claim and in a log.
#include "domain/device.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

TEST_CASE("a device's name has 1 to 63 characters that mean nothing in a path, and begins with a letter or digit") {
  struct Row {
    std::string name;
    bool is_good;
  };
  const Row rows[] = {
      {"a", true},
      {"9", true},
      {"Node-01.rack_7", true},
      {std::string(63, 'a'), true},
      {"", false},
      {std::string(64, 'a'), false},
      {".", false},
      {"..", false},
      {"-a", false},
      {"_a", false},
      {"a/b", false},
      {"a b", false},
      {"a%2fb", false},
      {"a~b", false},
      {"a\n", false},
      {"n\xc3\xb6", false},
      {std::string("a\0b", 3), false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto checked = check_device_id(row.name);
    CHECK(checked.has_value() == row.is_good);
    if (!checked) CHECK(checked.error().subject == "device_id");
  }
}

}  // namespace
}  // namespace cadastre

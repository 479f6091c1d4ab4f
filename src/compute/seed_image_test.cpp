#include "compute/seed_image.h"

#include <doctest/doctest.h>

#include "base/test_folder.h"
#include "compute/child_process.h"

namespace cadastre {
namespace {

/// A file of the image, as xorriso reads it.
std::string file_in(const TestFolder& folder, const std::string& image, const std::string& name) {
  const SystemClock clock;
  const std::string copy = folder / ("copy-" + name);
  const auto extracted =
      run_program({"xorriso", "-osirrox", "on", "-indev", "stdio:" + image, "-extract", "/" + name, copy},
                  std::chrono::seconds(30), clock);
  REQUIRE(extracted);
  return bytes_of(copy);
}

TEST_CASE("a seed is an ISO image of the label that cloud-init looks for, and is replaced as a whole") {
  const TestFolder folder;
  const SystemClock clock;
  const std::string path = folder / "seed.iso";
  REQUIRE(make_seed_image(path, {"first", "#cloud-config\n"}, clock));
  REQUIRE(make_seed_image(path, {R"({"instance-id":"1"})", "#cloud-config\n{}"}, clock));
  CHECK(file_in(folder, path, "meta-data") == R"({"instance-id":"1"})");
  CHECK(file_in(folder, path, "user-data") == "#cloud-config\n{}");
  const std::string image = bytes_of(path);
  CHECK(image.substr(32'769, 5) == "CD001");  // ECMA-119 section 8.4: the primary volume descriptor
  CHECK(image.substr(32'808, 6) == "cidata");
  CHECK(!std::filesystem::exists(path + ".files"));
  CHECK(!std::filesystem::exists(path + ".part"));
}

TEST_CASE("a seed that cannot be written is refused in a sentence") {
  const TestFolder folder;
  const SystemClock clock;
  CHECK_THROWS_AS(static_cast<void>(make_seed_image(folder / "missing/seed.iso", {}, clock)),
                  std::filesystem::filesystem_error);
}

}  // namespace
}  // namespace cadastre

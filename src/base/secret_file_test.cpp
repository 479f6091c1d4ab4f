#include "base/secret_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "base/test_folder.h"

namespace cadastre {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat about{};
  REQUIRE(::stat(path.c_str(), &about) == 0);
  return about.st_mode & 0777U;
}

TEST_CASE("a secret is its owner's alone, whatever stood there before, and nothing else is left") {
  const TestFolder folder;
  const std::string path = folder / "secret";
  CHECK(!read_secret_file(path));
  write_secret_file(path, "first");
  CHECK(read_secret_file(path) == "first");
  CHECK(mode_of(path) == 0600);
  write_bytes(path + ".new", "of a process that was killed");
  std::filesystem::permissions(path + ".new", std::filesystem::perms::all);
  write_secret_file(path, std::string(10'000, 'x'));
  CHECK(read_secret_file(path) == std::string(10'000, 'x'));
  CHECK(mode_of(path) == 0600);
  CHECK(!std::filesystem::exists(path + ".new"));
}

TEST_CASE("a secret that others can read is refused, with what to do") {
  const TestFolder folder;
  const std::string path = folder / "secret";
  write_secret_file(path, "s");
  std::filesystem::permissions(path, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  CHECK_THROWS_WITH(read_secret_file(path), (path + " can be read by others: run chmod 600 on it").c_str());
}

TEST_CASE("what cannot be written or read is named") {
  const TestFolder folder;
  CHECK_THROWS_AS(write_secret_file(folder / "none/secret", "s"), std::system_error);
  CHECK_THROWS_AS(read_secret_file(folder / "."), std::system_error);
}

}  // namespace
}  // namespace cadastre

#include "agent/wish_journal.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <stdexcept>

#include "agent/test_world.h"
#include "base/secret_file.h"
#include "base/test_folder.h"

namespace cadastre {

TEST_CASE("what was carried out is known to the next agent, and read by its owner alone") {
  const TestFolder folder;
  const std::string path = folder / "journal.json";
  {
    WishJournal journal(path);
    CHECK(journal.find(test_vm(1)) == WishJournal::Entry());
    journal.put(test_vm(1), {.generation = 4, .failure = {}, .begun = 5});
    journal.put(test_vm(2), {.generation = 1, .failure = "There is no \"image\".", .begun = 0});
    journal.put(test_vm(3), {.generation = 9, .failure = {}, .begun = 0});
    journal.keep_only({test_vm(1), test_vm(2)});
  }
  struct stat about{};
  REQUIRE(::stat(path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777U) == 0600);
  const WishJournal journal(path);
  CHECK(journal.find(test_vm(1)) == WishJournal::Entry{.generation = 4, .failure = {}, .begun = 5});
  CHECK(journal.find(test_vm(2)).failure == "There is no \"image\".");
  CHECK(journal.find(test_vm(3)) == WishJournal::Entry());
}

TEST_CASE("a damaged journal, or one that others can read, stops the start") {
  const TestFolder folder;
  const std::string path = folder / "journal.json";
  for (const char* const text : {"", "{", "{}", R"({"guests":[{}]})", R"({"guests":[{"vm_id":"x","generation":1}]})"}) {
    CAPTURE(text);
    write_secret_file(path, text);
    CHECK_THROWS_WITH_AS(WishJournal{path}, doctest::Contains("journal.json is damaged"), std::runtime_error);
  }
  write_secret_file(path, R"({"guests":[]})");
  std::filesystem::permissions(path, std::filesystem::perms::owner_all | std::filesystem::perms::group_read);
  CHECK_THROWS_WITH_AS(WishJournal{path}, doctest::Contains("chmod 600"), std::runtime_error);
}

}  // namespace cadastre

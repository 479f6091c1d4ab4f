#include "agent/wish_journal.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "agent/state_file.h"
#include "agent/test_world.h"

namespace cadastre {
namespace {

namespace fs = std::filesystem;

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "cadastre-journal-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  std::string file() const { return (path_ / "journal.json").string(); }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("what was carried out is known to the next agent, and read by its owner alone") {
  const Folder folder;
  {
    WishJournal journal(folder.file());
    CHECK(journal.find(test_vm(1)) == WishJournal::Entry());
    journal.put(test_vm(1), {.generation = 4, .failure = {}, .begun = 5});
    journal.put(test_vm(2), {.generation = 1, .failure = "There is no \"image\".", .begun = 0});
    journal.put(test_vm(3), {.generation = 9, .failure = {}, .begun = 0});
    journal.keep_only({test_vm(1), test_vm(2)});
  }
  struct stat about{};
  REQUIRE(::stat(folder.file().c_str(), &about) == 0);
  CHECK((about.st_mode & 0777U) == 0600);
  const WishJournal journal(folder.file());
  CHECK(journal.find(test_vm(1)) == WishJournal::Entry{.generation = 4, .failure = {}, .begun = 5});
  CHECK(journal.find(test_vm(2)).failure == "There is no \"image\".");
  CHECK(journal.find(test_vm(3)) == WishJournal::Entry());
}

TEST_CASE("a damaged journal, or one that others can read, stops the start") {
  const Folder folder;
  for (const char* const text : {"", "{", "{}", R"({"guests":[{}]})", R"({"guests":[{"vm_id":"x","generation":1}]})"}) {
    CAPTURE(text);
    write_state_file(folder.file(), text);
    CHECK_THROWS_WITH_AS(WishJournal(folder.file()), doctest::Contains("journal.json is damaged"), std::runtime_error);
  }
  write_state_file(folder.file(), R"({"guests":[]})");
  fs::permissions(folder.file(), fs::perms::owner_all | fs::perms::group_read);
  CHECK_THROWS_WITH_AS(WishJournal(folder.file()), doctest::Contains("chmod 600"), std::runtime_error);
}

}  // namespace cadastre

#include "store/sqlite/move_mark.h"

#include <doctest/doctest.h>

#include "base/test_folder.h"
#include "store/sqlite/sqlite_store.h"

using namespace cadastre;
using namespace cadastre::sqlite;

namespace {

const MoveMark to_new{.id = "0123", .to = "postgresql://cadastre:***@db/\"new\""};

}  // namespace

TEST_CASE("a mark is what was written, until it is taken away") {
  const TestFolder folder;
  const std::string directory = folder / "";
  CHECK_FALSE(read_move_mark(directory));
  remove_move_mark(directory);
  write_move_mark(directory, {"first", "somewhere"});
  write_move_mark(directory, to_new);
  CHECK(read_move_mark(directory) == to_new);
  remove_move_mark(directory);
  CHECK_FALSE(read_move_mark(directory));
}

TEST_CASE("a mark that cannot be read counts as a mark") {
  const TestFolder folder;
  for (const char* const text : {"", "{}", "rubbish", R"({"move_id":"1"})", R"({"moved_to":"x"})",
                                 R"({"move_id":1,"moved_to":"x"})", R"({"move_id":"1","moved_to":"x"}{)"}) {
    CAPTURE(text);
    write_bytes(folder / "moved", text);
    CHECK_THROWS_AS(expect_not_moved(folder / ""), StoreFailure);
  }
}

TEST_CASE("a register that was moved is opened by whoever moves it alone") {
  const TestFolder folder;
  const std::string directory = folder / "data";
  open_sqlite_store({.directory = directory})->stop();
  write_move_mark(directory, to_new);
  CHECK_THROWS_WITH_AS(open_sqlite_store({.directory = directory}), doctest::Contains("was moved to postgresql://"),
                       StoreFailure);
  CHECK_THROWS_AS(open_sqlite_reader(directory), StoreFailure);
  open_sqlite_store({.directory = directory, .even_if_moved = true})->stop();
  remove_move_mark(directory);
  open_sqlite_store({.directory = directory})->stop();
}

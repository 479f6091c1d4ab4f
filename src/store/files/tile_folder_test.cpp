#include "store/files/tile_folder.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <thread>

#include "store/files/durable_file.h"
#include "store/files/test_folder.h"

namespace cadastre {
namespace {

const TenantId acme = TenantId::parse("acme-corp").value();
constexpr LogId log_id{0xab, 0xcd};
const std::string log_folder = "ledger/logs/abcd0000000000000000000000000000/";

TEST_CASE("a published file lies where LEDGER.md section 3 says, read-only") {
  const TestFolder folder;
  TileFolder tiles(folder / "ledger");
  tiles.create(acme, log_id, "tile/0/x001/234.p/7", "abc");
  tiles.create(TenantId::platform(), LogId{}, "history/1", "note");
  CHECK(bytes_of(folder / (log_folder + "tile/0/x001/234.p/7")) == "abc");
  CHECK(bytes_of(folder / "ledger/platform/history/1") == "note");
  struct stat status{};
  REQUIRE(::stat((folder / "ledger/platform/history/1").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0444);
  CHECK(tiles.read(acme, log_id, "tile/0/x001/234.p/7") == "abc");
  CHECK(!tiles.read(acme, log_id, "tile/0/x001/234"));
  CHECK(!tiles.read(acme, log_id, "tile/0/x001/234.p/7/8"));
}

TEST_CASE("a file is created once: equal bytes are accepted, others are refused by name") {
  const TestFolder folder;
  TileFolder tiles(folder / "ledger");
  tiles.create(acme, log_id, "tile/0/000", "abc");
  tiles.create(acme, log_id, "tile/0/000", "abc");
  for (const std::string other : {"abd", "ab", "abcd", ""}) {
    CAPTURE(other);
    CHECK_THROWS_WITH_AS(tiles.create(acme, log_id, "tile/0/000", other), doctest::Contains("tile/0/000"),
                         StoreFailure);
  }
  CHECK(tiles.read(acme, log_id, "tile/0/000") == "abc");
}

TEST_CASE("a replaced file has the new bytes, whether it was there or not") {
  const TestFolder folder;
  TileFolder tiles(folder / "ledger");
  for (const std::string bytes : {"first", "second"}) {
    tiles.replace(acme, log_id, "checkpoint", bytes);
    CHECK(tiles.read(acme, log_id, "checkpoint") == bytes);
  }
}

TEST_CASE("a path that leaves the log's folder is refused") {
  const TestFolder folder;
  TileFolder tiles(folder / "ledger");
  for (const std::string path : {"", ".", "..", "../x", "tile/../../x", "/etc/passwd", "tile//0", "tile/", "tile/.x",
                                 "TILE", "tile/0\n", "a b"}) {
    CAPTURE(path);
    CHECK_THROWS_AS(tiles.create(acme, log_id, path, "x"), StoreFailure);
    CHECK_THROWS_AS(tiles.replace(acme, log_id, path, "x"), StoreFailure);
    CHECK_THROWS_AS(tiles.remove(acme, log_id, path), StoreFailure);
    CHECK_THROWS_AS((void)tiles.read(acme, log_id, path), StoreFailure);
    CHECK_THROWS_AS((void)tiles.list(acme, log_id, path), StoreFailure);
  }
}

TEST_CASE("a symbolic link or a folder in a file's place is not read") {
  const TestFolder folder;
  TileFolder tiles(folder / "ledger");
  write_bytes(folder / "elsewhere", "x");
  std::filesystem::create_directories(folder / (log_folder + "tile"));
  std::filesystem::create_symlink(folder / "elsewhere", folder / (log_folder + "checkpoint"));
  CHECK_THROWS_AS((void)tiles.read(acme, log_id, "checkpoint"), StoreFailure);
  CHECK_THROWS_AS((void)tiles.read(acme, log_id, "tile"), StoreFailure);
}

TEST_CASE("partial tiles are listed and removed, with the folder they leave empty") {
  const TestFolder folder;
  TileFolder tiles(folder / "ledger");
  for (const std::string width : {"1", "2", "17"}) tiles.create(acme, log_id, "tile/0/000.p/" + width, width);
  auto names = tiles.list(acme, log_id, "tile/0/000.p");
  std::ranges::sort(names);
  CHECK(names == std::vector<std::string>{"1", "17", "2"});
  for (const std::string& name : names) tiles.remove(acme, log_id, "tile/0/000.p/" + name);
  tiles.remove(acme, log_id, "tile/0/000.p/1");
  CHECK(tiles.list(acme, log_id, "tile/0/000.p").empty());
  CHECK(!std::filesystem::exists(folder / (log_folder + "tile/0/000.p")));
  CHECK(std::filesystem::exists(folder / (log_folder + "tile/0")));
}

TEST_CASE("reading creates nothing, and what a stopped process left half written is cleared away") {
  const TestFolder folder;
  TileFolder reader(folder / "ledger");
  CHECK(!reader.read(acme, log_id, "checkpoint"));
  CHECK(reader.list(acme, log_id, "history").empty());
  CHECK(!std::filesystem::exists(folder / "ledger"));
  write_bytes(folder / "ledger/new/1", "half");
  TileFolder writer(folder / "ledger");
  writer.create(acme, log_id, "checkpoint", "whole");
  CHECK(std::filesystem::is_empty(folder / "ledger/new"));
}

TEST_CASE("several threads may write the same and other files") {
  const TestFolder folder;
  TileFolder tiles(folder / "ledger");
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&tiles, thread] {
        for (int file = 0; file < 8; ++file) {
          tiles.create(acme, log_id, "tile/0/00" + std::to_string(file), "same");
          tiles.create(acme, log_id, "tile/" + std::to_string(thread + 1) + "/000.p/" + std::to_string(file + 1),
                       "own");
        }
      });
    }
  }
  CHECK(tiles.list(acme, log_id, "tile/0").size() == 8);
  CHECK(tiles.list(acme, log_id, "tile/4/000.p").size() == 8);
}

TEST_CASE("a failed fsync stops the process") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    std::freopen("/dev/null", "w", stderr);
    files::sync_data(files::Handle("/dev/null", 0), "/dev/null");  // answers EINVAL
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
}

}  // namespace
}  // namespace cadastre

#include "store/files/tile_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <initializer_list>
#include <thread>
#include <vector>

#include "base/test_folder.h"
#include "store/files/durable_file.h"

namespace cadastre {
namespace {

const TenantId acme = TenantId::parse("acme-corp").value();
constexpr LogId log_id{0xab, 0xcd};
const std::string log_folder = "ledger/logs/abcd0000000000000000000000000000/";

/// Both ways of writing a batch: file by file, and all with two syncs.
constexpr std::initializer_list<TileFolderSettings> both_ways{{.files_synced_alone_max = 1000},
                                                              {.files_synced_alone_max = 0}};

PublishedFile file_of_acme(std::string path, std::string_view bytes) { return {acme, log_id, std::move(path), bytes}; }

/// Throws what stopped the one file.
void create(TileStore& tiles, const PublishedFile& file) {
  if (const auto failure = tiles.create({&file, 1}).front()) std::rethrow_exception(failure);
}

void replace(TileStore& tiles, const PublishedFile& file) {
  if (const auto failure = tiles.replace({&file, 1}).front()) std::rethrow_exception(failure);
}

/// What stopped a file, or nothing.
std::string text_of(const std::exception_ptr& failure) {
  if (!failure) return "";
  try {
    std::rethrow_exception(failure);
  } catch (const StoreFailure& stopped) {
    return stopped.what();
  }
}

TEST_CASE("a published file lies where LEDGER.md section 3 says, read-only") {
  for (const TileFolderSettings& way : both_ways) {
    const TestFolder folder;
    TileFolder tiles(folder / "ledger", way);
    create(tiles, file_of_acme("tile/0/x001/234.p/7", "abc"));
    create(tiles, {TenantId::platform(), LogId{}, "history/1", "note"});
    CHECK(bytes_of(folder / (log_folder + "tile/0/x001/234.p/7")) == "abc");
    CHECK(bytes_of(folder / "ledger/platform/history/1") == "note");
    struct stat status{};
    REQUIRE(::stat((folder / "ledger/platform/history/1").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0444);
    CHECK(tiles.read(acme, log_id, "tile/0/x001/234.p/7") == "abc");
    CHECK(!tiles.read(acme, log_id, "tile/0/x001/234"));
    CHECK(!tiles.read(acme, log_id, "tile/0/x001/234.p/7/8"));
  }
}

TEST_CASE("a file is created once: equal bytes are accepted, others are refused by name") {
  for (const TileFolderSettings& way : both_ways) {
    const TestFolder folder;
    TileFolder tiles(folder / "ledger", way);
    create(tiles, file_of_acme("tile/0/000", "abc"));
    create(tiles, file_of_acme("tile/0/000", "abc"));
    for (const std::string other : {"abd", "ab", "abcd", ""}) {
      CAPTURE(other);
      CHECK_THROWS_WITH_AS(create(tiles, file_of_acme("tile/0/000", other)), doctest::Contains("tile/0/000"),
                           StoreFailure);
    }
    CHECK(tiles.read(acme, log_id, "tile/0/000") == "abc");
  }
}

TEST_CASE("a replaced file has the new bytes, whether it was there or not") {
  for (const TileFolderSettings& way : both_ways) {
    const TestFolder folder;
    TileFolder tiles(folder / "ledger", way);
    for (const std::string bytes : {"first", "second"}) {
      replace(tiles, file_of_acme("checkpoint", bytes));
      CHECK(tiles.read(acme, log_id, "checkpoint") == bytes);
    }
  }
}

TEST_CASE("a path that leaves the log's folder is refused") {
  for (const TileFolderSettings& way : both_ways) {
    const TestFolder folder;
    TileFolder tiles(folder / "ledger", way);
    for (const std::string path : {"", ".", "..", "../x", "tile/../../x", "/etc/passwd", "tile//0", "tile/", "tile/.x",
                                   "TILE", "tile/0\n", "a b"}) {
      CAPTURE(path);
      CHECK_THROWS_AS(create(tiles, file_of_acme(path, "x")), StoreFailure);
      CHECK_THROWS_AS(replace(tiles, file_of_acme(path, "x")), StoreFailure);
      CHECK_THROWS_AS(tiles.remove(acme, log_id, path), StoreFailure);
      CHECK_THROWS_AS((void)tiles.read(acme, log_id, path), StoreFailure);
      CHECK_THROWS_AS((void)tiles.list(acme, log_id, path), StoreFailure);
    }
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
  for (const std::string width : {"1", "2", "17"}) create(tiles, file_of_acme("tile/0/000.p/" + width, width));
  auto names = tiles.list(acme, log_id, "tile/0/000.p");
  std::ranges::sort(names);
  CHECK(names == std::vector<std::string>{"1", "17", "2"});
  tiles.remove(acme, log_id, "tile/0/000.p");
  tiles.remove(acme, log_id, "tile/0/000.p");
  CHECK(tiles.list(acme, log_id, "tile/0/000.p").empty());
  CHECK(!std::filesystem::exists(folder / (log_folder + "tile/0/000.p")));
  CHECK(std::filesystem::exists(folder / (log_folder + "tile/0")));
}

TEST_CASE("reading creates nothing, and what a stopped process left half written is cleared away") {
  for (const TileFolderSettings& way : both_ways) {
    const TestFolder folder;
    TileFolder reader(folder / "ledger");
    CHECK(!reader.read(acme, log_id, "checkpoint"));
    CHECK(reader.list(acme, log_id, "history").empty());
    CHECK(!std::filesystem::exists(folder / "ledger"));
    write_bytes(folder / "ledger/new/1", "half");
    TileFolder writer(folder / "ledger", way);
    create(writer, file_of_acme("checkpoint", "whole"));
    CHECK(std::filesystem::is_empty(folder / "ledger/new"));
  }
}

TEST_CASE("several threads may write the same and other files") {
  for (const TileFolderSettings& way : both_ways) {
    const TestFolder folder;
    TileFolder tiles(folder / "ledger", way);
    {
      std::vector<std::jthread> threads;
      for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&tiles, thread] {
          for (int file = 0; file < 8; ++file) {
            create(tiles, file_of_acme("tile/0/00" + std::to_string(file), "same"));
            create(tiles,
                   file_of_acme("tile/" + std::to_string(thread + 1) + "/000.p/" + std::to_string(file + 1), "own"));
          }
        });
      }
    }
    CHECK(tiles.list(acme, log_id, "tile/0").size() == 8);
    CHECK(tiles.list(acme, log_id, "tile/4/000.p").size() == 8);
  }
}

TEST_CASE("what stops one file of a batch stops none of the others, and leaves nothing behind") {
  for (const TileFolderSettings& way : both_ways) {
    const TestFolder folder;
    TileFolder tiles(folder / "ledger", way);
    create(tiles, file_of_acme("tile/0/000", "same"));
    create(tiles, file_of_acme("tile/0/001", "other"));
    write_bytes(folder / (log_folder + "history"), "in the way");
    const std::vector<PublishedFile> batch{file_of_acme("tile/0/000", "same"),   file_of_acme("tile/0/001", "new"),
                                           file_of_acme("tile/0/002", "new"),    file_of_acme("../x", "new"),
                                           file_of_acme("history/1", "new"),     file_of_acme("tile/1/000.p/1", "new"),
                                           file_of_acme("tile/0/002.p/1", "new")};
    const auto failures = tiles.create(batch);
    REQUIRE(failures.size() == batch.size());
    CHECK(text_of(failures[0]).empty());
    CHECK(text_of(failures[1]).find("tile/0/001: published before with other bytes") != std::string::npos);
    CHECK(text_of(failures[3]).find("'../x' is not the path") != std::string::npos);
    CHECK(text_of(failures[4]).find("history") != std::string::npos);
    for (const std::size_t written : {2U, 5U, 6U}) {
      CHECK(text_of(failures[written]).empty());
      CHECK(tiles.read(acme, log_id, batch[written].path) == "new");
    }
    CHECK(tiles.read(acme, log_id, "tile/0/001") == "other");
    const auto replaced = tiles.replace(batch);
    for (const std::size_t stopped : {3U, 4U}) CHECK(replaced[stopped]);
    for (const std::size_t written : {0U, 1U, 2U, 5U, 6U}) {
      CHECK(!replaced[written]);
      CHECK(tiles.read(acme, log_id, batch[written].path) == batch[written].bytes);
    }
    CHECK(std::filesystem::is_empty(folder / "ledger/new"));
  }
}

/// Whether a process that does this is stopped by it.
bool stops_the_process(void (*act)()) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    std::freopen("/dev/null", "w", stderr);
    act();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status);
}

TEST_CASE("a failed fsync or syncfs stops the process") {
  CHECK(!stops_the_process([] {}));
  CHECK(stops_the_process([] { files::sync_data(files::Handle("/dev/null", 0), "/dev/null"); }));  // EINVAL
  CHECK(stops_the_process([] { files::sync_file_system(files::Handle("/", O_PATH), "/"); }));      // EBADF
}

}  // namespace
}  // namespace cadastre

#include "store/files/high_water_file.h"

#include <algorithm>

#include "base/test_folder.h"

namespace cadastre {
namespace {

WaterMark mark_of(std::uint8_t log, std::uint64_t size) {
  return {.log_id = {log}, .size = size, .root = {log, static_cast<std::uint8_t>(size)}};
}

TEST_CASE("marks are remembered across processes, the last of each log") {
  const TestFolder folder;
  const std::string path = folder / "high-water";
  {
    HighWaterFile marks(path);
    CHECK(marks.is_missing());
    marks.raise({});
    CHECK(!marks.is_missing());
    const WaterMark first[] = {mark_of(1, 5), mark_of(2, 7)};
    marks.raise(first);
    marks.settle(first);
    marks.raise(std::vector{mark_of(1, 6)});
  }
  const HighWaterFile marks(path);
  CHECK(!marks.is_missing());
  CHECK(marks.count() == 2);
  CHECK(marks.marks().size() == 2);
  CHECK(marks.find(LogId{1})->size == 6);
  CHECK(marks.find(LogId{1})->root == mark_of(1, 6).root);
  CHECK(!marks.find(LogId{1})->is_settled);
  CHECK(marks.find(LogId{2})->is_settled);
  CHECK(!marks.find(LogId{3}));
}

TEST_CASE("a mark is never lowered, nor given another root at the same size") {
  const TestFolder folder;
  HighWaterFile marks(folder / "high-water");
  marks.raise(std::vector{mark_of(1, 5)});
  marks.raise(std::vector{mark_of(1, 5)});
  WaterMark forked = mark_of(1, 5);
  forked.root[31] = 1;
  CHECK_THROWS_AS(marks.raise(std::vector{forked}), StoreFailure);
  CHECK_THROWS_AS(marks.raise(std::vector{mark_of(1, 4)}), StoreFailure);
  CHECK(marks.find(LogId{1})->root == mark_of(1, 5).root);
}

TEST_CASE("settling an older size does not settle a newer one") {
  const TestFolder folder;
  HighWaterFile marks(folder / "high-water");
  marks.raise(std::vector{mark_of(1, 5)});
  marks.raise(std::vector{mark_of(1, 6)});
  marks.settle(std::vector{mark_of(1, 5)});
  CHECK(!marks.find(LogId{1})->is_settled);
  CHECK(!HighWaterFile(folder / "high-water").find(LogId{1})->is_settled);
}

TEST_CASE("a torn last line counts as not written, wherever it is torn") {
  const TestFolder folder;
  const std::string path = folder / "high-water";
  HighWaterFile(path).raise(std::vector{mark_of(1, 5)});
  const std::size_t whole = bytes_of(path).size();
  HighWaterFile(path).raise(std::vector{mark_of(1, 6)});
  const std::string text = bytes_of(path);
  for (std::size_t size = whole; size < text.size(); ++size) {
    CAPTURE(size);
    write_bytes(path, text.substr(0, size));
    HighWaterFile marks(path);
    CHECK(marks.find(LogId{1})->size == 5);
    CHECK(bytes_of(path).size() == size);  // reading changes nothing
    marks.raise(std::vector{mark_of(2, 9)});
    CHECK(HighWaterFile(path).find(LogId{1})->size == 5);
    CHECK(HighWaterFile(path).find(LogId{2})->size == 9);
  }
}

TEST_CASE("a line that makes no sense is refused by number") {
  const TestFolder folder;
  const std::string path = folder / "high-water";
  HighWaterFile(path).raise(std::vector{mark_of(1, 5), mark_of(2, 5)});
  const std::string text = bytes_of(path);
  const std::size_t second = text.find('\n') + 1;
  for (const std::string line : {"", "x", "01 5 settled", "0100000000000000000000000000000 5 settled"}) {
    CAPTURE(line);
    write_bytes(path, text.substr(0, second) + line + "\n" + text.substr(second));
    CHECK_THROWS_WITH_AS(HighWaterFile{path}, doctest::Contains("line 2 "), StoreFailure);
  }
}

TEST_CASE("superseded lines do not pile up across starts") {
  const TestFolder folder;
  const std::string path = folder / "high-water";
  for (std::uint64_t size = 1; size < 50; ++size) {
    HighWaterFile marks(path);
    marks.raise(std::vector{mark_of(1, size)});
    marks.settle(std::vector{mark_of(1, size)});
    const std::string text = bytes_of(path);
    CHECK(std::ranges::count(text, '\n') <= 5);
  }
  CHECK(HighWaterFile(path).find(LogId{1})->size == 49);
}

}  // namespace
}  // namespace cadastre

// The published files of a register that keeps them in a folder, as rows of the table that holds them elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "service/ports.h"
#include "store/files/tile_folder.h"
#include "store/moving/row.h"

namespace cadastre::moving {

/// Which showing put the moved checkpoints in place: the first of the new database.
constexpr std::int64_t first_showing = 1;

/// The files of every log that the register knows, in the order of the table's key. Both arguments outlive them.
class PublishedRows {
 public:
  PublishedRows(Store& source, TileFolder& files) : reader_(source.open_reader()), files_(files) {}
  /// Moves to the next file; false after the last.
  bool next();
  std::string_view row() const { return writer_.row(); }

 private:
  bool next_log();

  const std::unique_ptr<Reader> reader_;
  TileFolder& files_;
  std::vector<LogState> logs_;  // a page of them
  std::size_t log_ = 0;         // the one after the one whose files are being read
  std::vector<std::string> paths_;
  std::size_t path_ = 0;  // the next
  RowWriter writer_;
};

}  // namespace cadastre::moving

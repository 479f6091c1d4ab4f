// One log's part in a publishing round (LEDGER.md section 3, steps 1, 2 and 4).
#pragma once

#include <cstddef>
#include <exception>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ledger/tile.h"
#include "service/log_check.h"
#include "service/ports.h"

namespace cadastre {

/// A log with the last checkpoint that the store has of it.
struct LogBase {
  LogState log;
  std::optional<PublishedCheckpoint> last = {};
};

/// A base that holds: its key, and its right edge to go on from.
struct CheckedBase {
  LogKey key;
  ledger::TileBuilder builder;
};

/// The base, ready to be gone on from. Refuses unless the vkey is of this seed, the stored
/// note is signed and says what its row says, the right edge of the published files has its root and entries, and
/// neither the published checkpoint nor the high-water mark knows of more than the store: a signature over any of these
/// would make a fork look right.
std::expected<CheckedBase, LogFinding> check_base(TileStore& tiles, const HighWater& marks,
                                                  const Bytes<32>& master_seed, const LogBase& base);

/// What a round adds to one log, step by step. Each step refuses what it finds wrong, and then nothing is signed.
/// Throws StoreFailure.
class LogPublication {
 public:
  /// Refuses what `check_base` refuses, and a leaf that does not follow or is not what its hash says. Writes nothing.
  static std::expected<LogPublication, LogFinding> prepare(TileStore& tiles, const HighWater& marks,
                                                           const Bytes<32>& master_seed, const LogBase& base,
                                                           std::span<const Leaf> leaves);
  /// The bundles and tiles that the leaves add, to be written next; as long as this object lives and is not moved.
  std::vector<PublishedFile> files() const;
  /// Why the file of that number could not be written: refuses one that is there with other bytes, and throws `failure`
  /// when that is not the reason.
  std::expected<void, LogFinding> explain(TileStore& tiles, std::size_t file, const std::exception_ptr& failure) const;
  /// After all were written: reads them back and signs the root computed from what was read.
  std::expected<PublishedCheckpoint, LogFinding> read_back_and_sign(TileStore& tiles) const;

 private:
  struct File {
    ledger::TileId id;
    std::string bytes;
  };
  LogPublication(const LogState& log, ledger::TileBuilder builder, std::string origin, std::vector<PrivateKey> signers)
      : log_(log), builder_(std::move(builder)), origin_(std::move(origin)), signers_(std::move(signers)) {}
  std::expected<void, LogFinding> build(std::span<const Leaf> leaves);

  LogState log_;
  ledger::TileBuilder builder_;
  std::string origin_;
  std::vector<PrivateKey> signers_;
  std::vector<File> files_;
};

}  // namespace cadastre

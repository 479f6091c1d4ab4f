// One log's part in a publishing round (LEDGER.md section 3, steps 1, 2 and 4).
#pragma once

#include <expected>
#include <optional>
#include <span>
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

/// Writes the bundles and tiles that `leaves` add, reads them back, and signs the root computed from what was read.
/// Refuses what `check_base` refuses, a leaf that does not follow or is not what its hash says, and a file that exists
/// with other bytes. Nothing is signed then. Throws StoreFailure.
std::expected<PublishedCheckpoint, LogFinding> write_and_sign(TileStore& tiles, const HighWater& marks,
                                                              const Bytes<32>& master_seed, const LogBase& base,
                                                              std::span<const Leaf> leaves);

/// Keeps the note as `history/<size>` and replaces `checkpoint` by it. Only for what the store has.
void put_in_place(TileStore& tiles, const PublishedCheckpoint& checkpoint);

}  // namespace cadastre

// Entries of a log as service-fs finds, proves and prints them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "options.h"
#include "source.h"

namespace cadastre {

/// Does the leaf match every condition of the options?
bool matches(const ledger::LeafRecord& leaf, const Options& options);

/// The question for the store that covers the options' conditions, but for its filters and the limit.
LeafQuery query_of(const Options& options);

/// A log's newest checkpoint, verified, with what is needed to prove entries under it. Valid as long as the source and
/// the log's name.
class Proofs {
 public:
  Proofs(Source& source, const LogName& log) : source_(source), log_(log) { refresh(); }
  /// Reads the checkpoint again. `fault()` says why it cannot be trusted.
  void refresh();
  /// Waits until the checkpoint covers `seq`, at most two publish intervals; false when it does not then.
  bool wait_for(std::uint64_t seq, std::int64_t publish_interval_ms);

  const std::string& fault() const { return fault_; }  ///< Empty when the checkpoint holds.
  const ledger::Checkpoint& checkpoint() const { return checkpoint_; }
  const std::string& note() const { return note_; }
  ledger::LogEvidence& evidence() { return *evidence_; }
  /// The inclusion proof of a leaf with these bytes; nothing when the tiles do not lead to the root.
  std::optional<std::vector<ledger::Hash>> prove(std::uint64_t seq, std::string_view bytes);

 private:
  Source& source_;
  const LogName& log_;
  std::optional<ledger::LogEvidence> evidence_;
  std::optional<ledger::TileTree> tree_;
  ledger::Checkpoint checkpoint_;
  std::string note_;
  std::string fault_;
};

/// How an entry stands to the newest checkpoint.
enum class Standing { included, pending };

/// Prints entries in either format; the last line is `summary`'s.
class EntryPrinter {
 public:
  explicit EntryPrinter(Format format) : format_(format) {}
  void print(const ledger::StoredLeaf& leaf, const ledger::LeafRecord& record, Standing standing, std::uint64_t size);
  /// Says what was proven.
  void summary(const std::string& sentence, std::uint64_t matches, bool is_complete);

 private:
  Format format_;
  bool has_header_ = false;
};

}  // namespace cadastre

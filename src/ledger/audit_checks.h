// The checks that more than one kind of audit makes.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/audit.h"

namespace cadastre::ledger {

constexpr std::size_t leaves_per_page = 1000;

/// Collects findings up to the limit.
class Findings {
 public:
  explicit Findings(AuditResult& result) : result_(result) {}
  void add(std::uint64_t index, std::string what);

 private:
  AuditResult& result_;
};

/// `what: <wanted> expected, <found> found`.
std::string differs(std::string_view what, const Hash& wanted, const Hash& found);

/// Opens a checkpoint of the log's past: of its key, or of one that it had before.
Result<Checkpoint> open_past_checkpoint(const LogEvidence& log, std::string_view note);

/// Opens the stored and the published checkpoint, and sets the result's size and root to the newest's. The published
/// one may be older, when its file was about to be replaced; never newer. Answers all that opened.
std::vector<Checkpoint> check_checkpoints(const LogEvidence& log, AuditResult& result);

/// That the store has exactly `head` leaves, at least as many as were published, and that no less was published than
/// the high-water mark says.
void check_head(const LogEvidence& log, AuditResult& result);

/// That a leaf is what its store says: its hash, its columns and its log.
void check_leaf(const LogEvidence& log, const StoredLeaf& leaf, AuditResult& result);

/// Compares a leaf with the level 0 tile and the bundle that hold it.
void check_published_leaf(TileTree& tree, const StoredLeaf& leaf, AuditResult& result);

/// Calls `visit` with each stored leaf from `from` up to `to`; a gap is a finding and ends it.
template <class Visit>
void for_each_leaf(const LogEvidence& log, std::uint64_t from, std::uint64_t to, AuditResult& result, Visit visit) {
  for (std::uint64_t next = from; next < to;) {
    const auto page = log.leaves(next, std::min<std::uint64_t>(leaves_per_page, to - next));
    for (const StoredLeaf& leaf : page) {
      if (leaf.seq != next) break;
      visit(leaf);
      ++next;
    }
    if (page.empty() || page.back().seq + 1 != next) {
      Findings(result).add(next, "the store has no such leaf");
      return;
    }
  }
}

}  // namespace cadastre::ledger

// Compares one log's stored leaves, published files and signed checkpoints with each other (LEDGER.md sections 4, 5).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/checkpoint.h"
#include "ledger/event.h"
#include "ledger/tile.h"

namespace cadastre::ledger {

/// A leaf with what its store says of it beside its bytes.
struct StoredLeaf {
  std::uint64_t seq = 0;
  Instant ts;
  EventType type = EventType::tenant_created;
  Hash hash{};
  std::string bytes;
};

/// One log as an audit sees it. A log that is growing meanwhile is audited as it was when `checkpoint_file`,
/// `stored_checkpoint` and `head` were read, in that order: a publisher signs what is stored, stores what it signed,
/// and replaces the file last.
struct LogEvidence {
  TenantId tenant = TenantId::platform();
  LogId log_id{};
  std::string vkey;
  std::optional<std::string> checkpoint_file;    ///< The published note; nothing when there is none.
  std::optional<std::string> stored_checkpoint;  ///< The note in the store; nothing before the first.
  std::uint64_t head = 0;                        ///< How many leaves the store says the log has.
  std::uint64_t high_water = 0;                  ///< The size of a checkpoint known to have been signed.

  TileReader files;  ///< The published files, by path relative to the log's folder.
  /// The names in a folder of the published files, that of a sub-folder too.
  std::function<std::vector<std::string>(const std::string& folder)> list;
  /// The stored leaves from `from`, in order, at most `limit` of them.
  std::function<std::vector<StoredLeaf>(std::uint64_t from, std::size_t limit)> leaves;
  /// The `vkey`s that the log had before, for what was signed in their time. Asked only when `vkey` has not signed
  /// something; may be empty.
  std::function<std::vector<std::string>()> earlier_vkeys;
  /// The head as it is now, for files that a growing log gains during the audit.
  std::function<std::uint64_t()> head_now;
};

/// Something that does not agree.
struct Finding {
  std::uint64_t index = 0;  ///< The first leaf concerned.
  std::string what;         ///< One clause, with both hashes where there are two.
};

struct AuditResult {
  std::uint64_t size = 0;  ///< Of the newest signed checkpoint; 0 when nothing was published.
  Hash root = empty_root();
  std::uint64_t head = 0;
  std::vector<Finding> findings;  ///< At most `findings_max`; those that name the leaf best come first.
  bool holds() const { return findings.empty(); }
};

constexpr std::size_t findings_max = 100;

/// `acme-corp (00112233445566778899aabbccddeeff)`, the platform's log as `platform (…)`.
std::string log_label(const TenantId& tenant, const LogId& log);

/// The checkpoint's signatures, the right edge of the tiles, and the last bundle against the store's head.
/// Costs a few files, whatever the size of the log.
AuditResult audit_edge(const LogEvidence& log);

/// Every leaf against its hash and its columns, every file that leaves give against the published one byte for byte,
/// every checkpoint and `history/` file against the root at its size. Reads the whole log.
AuditResult audit_full(const LogEvidence& log);

/// The edge, and the leaves from `from` up to, not including, `to` against their hashes, tiles and bundles.
AuditResult audit_range(const LogEvidence& log, std::uint64_t from, std::uint64_t to);

/// Does the log, audited as `newest`, still begin with what an older checkpoint of it says? A finding when it does not,
/// or when the note is not this log's.
std::optional<Finding> audit_older(const LogEvidence& log, const AuditResult& newest, std::string_view older_note);

}  // namespace cadastre::ledger

// Reading ledgers: entries by filter, the signed checkpoint, proofs of inclusion.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/lru.h"
#include "service/caller.h"
#include "service/ports.h"

namespace cadastre {

/// What a page of entries is narrowed to; every filter given must hold. Empty: any.
struct EntryFilter {
  LeafQuery leaves;
  std::string node_id, vm_id, token_id, actor, request_id;
  /// True when anything beyond the leaf's own columns must be looked at.
  bool looks_inside() const;
};

/// The entries that match, at most `filter.leaves.limit`, and the seq to go on from when there may be more. Looks at no
/// more than 50,000 leaves a call, so that a rare filter over a long log delays nobody.
struct EntryPage {
  std::vector<Leaf> entries;
  std::optional<std::uint64_t> next;
};
EntryPage entries(Reader& reader, const TenantId& tenant, const EntryFilter& filter);

/// The log's latest signed checkpoint; `not_found` before the first was published.
Result<PublishedCheckpoint> checkpoint(Reader& reader, const TenantId& tenant);

/// A c2sp.org/tlog-proof of one entry under the latest checkpoint; `not_found` for an entry that is not published.
Result<std::string> inclusion_proof(Reader& reader, TileStore& tiles, const TenantId& tenant, std::uint64_t seq);

/// The published file `tile/<path>` of the namespace's log; nothing when there is none or the path is not a tile's.
std::optional<std::string> published_tile(Reader& reader, TileStore& tiles, const TenantId& tenant,
                                          std::string_view path);

/// Says of each reader and log whether this minute's read is already recorded (LEDGER.md section 6). Thread-safe.
class ReadRecorder {
 public:
  /// True once per token, tenant and minute.
  bool is_first(std::string_view token_id, const TenantId& tenant, Instant now);

 private:
  std::mutex mutex_;
  Lru<std::string, std::int64_t> minutes_{10'000};
};

}  // namespace cadastre

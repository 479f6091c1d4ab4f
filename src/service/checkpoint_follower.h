// What a process learns from the one that publishes (LEDGER.md section 4).
#pragma once

#include <cstdint>
#include <vector>

#include "service/log_check.h"
#include "service/ports.h"

namespace cadastre {

/// How a log that this process knew has grown meanwhile.
struct LogGrowth {
  TenantId tenant;
  LogId log_id{};
  std::uint64_t old_size = 0;
  std::uint64_t size = 0;
};

struct Followed {
  std::vector<LogFinding> findings;
  std::vector<LogGrowth> grown;
};

/// Raises this process's high-water marks to all checkpoints that were put in place since the last call. Nothing is
/// taken over that the log's key has not signed, or that contradicts what this process saw before. Throws StoreFailure.
Followed follow_checkpoints(PublisherLease& lease, Reader& reader, HighWater& marks, const Bytes<32>& master_seed);

}  // namespace cadastre

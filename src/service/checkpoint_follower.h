// What a process learns from the one that publishes (LEDGER.md section 4).
#pragma once

#include <vector>

#include "service/log_check.h"
#include "service/ports.h"

namespace cadastre {

/// Raises this process's high-water marks to all checkpoints that were put in place since the last call. Nothing is
/// taken over that the log's key has not signed, or that contradicts what this process saw before. Throws StoreFailure.
std::vector<LogFinding> follow_checkpoints(PublisherLease& lease, Reader& reader, HighWater& marks,
                                           const Bytes<32>& master_seed);

}  // namespace cadastre

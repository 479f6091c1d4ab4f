// Who publishes (service/publication_port.h), by one row of the database.
#pragma once

#include <atomic>
#include <memory>

#include "store/postgresql/session.h"

namespace cadastre::postgresql {

/// How long a lease lasts that is not kept. Every write of the publisher keeps it too.
constexpr std::chrono::milliseconds lease_time{3'000};

/// The fencing number under which this process last took the lease, for all who write under it; 0 before the first
/// time, when it may write as long as nobody has ever had the lease. It changes between two rounds only.
using Fence = std::atomic<std::int64_t>;

/// Why a write under a fencing number was refused.
constexpr const char* lease_lost = "another process publishes the ledgers now";

/// The fence outlives it.
std::unique_ptr<PublisherLease> make_publisher_lease(std::shared_ptr<Target> target, Fence& fence);

}  // namespace cadastre::postgresql

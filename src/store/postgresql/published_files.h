// The published files of the logs as rows (service/publication_port.h).
#pragma once

#include <memory>

#include "store/postgresql/publisher_lease.h"

namespace cadastre::postgresql {

/// Writes under the fencing number of the round; with none (null), only reads. The fence outlives it.
std::unique_ptr<TileStore> make_published_files(std::shared_ptr<SessionPool> pool, const Fence* fence);

}  // namespace cadastre::postgresql

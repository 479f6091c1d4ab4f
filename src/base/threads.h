// Work shared out among threads.
#pragma once

#include <cstddef>
#include <functional>

namespace cadastre {

/// Calls `work`, which does not throw, once with each number below `count`, from at most `threads` threads of which
/// this is one, and returns when all is done. Several threads are for work on several cores, more for work that waits.
void in_threads(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& work);

/// The cores that this process may use, 1 when that is unknown.
std::size_t core_count();

/// From now on the calling thread gets little of the processor while others want it: for work that nobody waits for,
/// and that holds no lock for long. Where a sandbox forbids it, nothing changes.
void yield_to_others();

}  // namespace cadastre

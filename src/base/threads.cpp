#include "base/threads.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace cadastre {

void in_threads(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  const auto take_turns = [&] {
    for (std::size_t turn; (turn = next++) < count;) work(turn);
  };
  std::vector<std::jthread> helpers;
  while (helpers.size() + 1 < std::min(threads, count)) helpers.emplace_back(take_turns);
  take_turns();
}

std::size_t core_count() { return std::max(1U, std::thread::hardware_concurrency()); }

void yield_to_others() {
  constexpr int lowest = 19;  // setpriority(2), "Notes": on Linux of one thread
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), lowest);
}

}  // namespace cadastre

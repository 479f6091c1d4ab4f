#include "base/threads.h"

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

}  // namespace cadastre

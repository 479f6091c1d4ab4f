#include "store/lanes.h"

#include <algorithm>

namespace cadastre {

bool Lanes::push(Change& change) {
  const auto [place, is_new] = lanes_.try_emplace(change.tenant.text());
  Lane& lane = place->second;
  if (lane.size() >= lane_max_) return false;
  lane.push_back(std::move(change));
  if (is_new) turns_.push_back(&lane);
  ++size_;
  return true;
}

std::vector<Change> Lanes::take(std::size_t limit) {
  std::vector<Change> taken;
  taken.reserve(std::min(limit, size_));
  for (; size_ > 0 && taken.size() < limit; --size_) {
    Lane& lane = *turns_.front();
    turns_.pop_front();
    taken.push_back(std::move(lane.front()));
    lane.pop_front();
    if (lane.empty())
      lanes_.erase(taken.back().tenant.text());
    else
      turns_.push_back(&lane);
  }
  return taken;
}

}  // namespace cadastre

// The queue of changes: a lane for each tenant, and a turn for each lane.
#pragma once

#include <deque>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "service/ports.h"

namespace cadastre {

/// Gives out one change per tenant in turn, however many of a tenant are waiting. Not for several threads.
class Lanes {
 public:
  explicit Lanes(std::size_t lane_max) : lane_max_(lane_max) {}
  /// Refuses, and takes nothing, when `lane_max` changes of the tenant are waiting.
  bool push(Change& change);
  /// The next changes, at most `limit`.
  std::vector<Change> take(std::size_t limit);
  std::size_t size() const { return size_; }

 private:
  using Lane = std::list<Change>;

  std::size_t lane_max_;
  std::size_t size_ = 0;
  std::unordered_map<std::string, Lane> lanes_;  // only those with changes
  std::deque<Lane*> turns_;                      // each lane once
};

}  // namespace cadastre

// How long to wait before something is tried again that has failed.
#pragma once

#include <chrono>

#include "base/random.h"

namespace cadastre {

struct BackoffLimits {
  std::chrono::milliseconds least = std::chrono::seconds(1);
  std::chrono::milliseconds most = std::chrono::seconds(30);
};

/// Waits that double from one failure to the next, each between half of it and all of it by chance, so that a thousand
/// agents do not come back at the same moment.
class Backoff {
 public:
  explicit Backoff(BackoffLimits limits = {}) : limits_(limits), next_(limits.least) {}
  std::chrono::milliseconds draw(Random& random);
  /// It worked: the next failure is the first again.
  void reset() { next_ = limits_.least; }

 private:
  BackoffLimits limits_;
  std::chrono::milliseconds next_;
};

}  // namespace cadastre

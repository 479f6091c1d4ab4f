// How often a tenant may call: at most so many in any 60 seconds.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"

namespace cadastre {

/// What the rate limit says about one request.
struct RateDecision {
  bool admitted = false;
  bool unknown = false;            ///< The budget that replicas share could not be asked: refused, whatever is left.
  std::int64_t limit = 0;          ///< `q` of RateLimit-Policy.
  std::int64_t remaining = 0;      ///< `r` of RateLimit: how many more fit now.
  std::int64_t reset_s = 0;        ///< `t` of RateLimit: whole seconds, rounded up, until more fit.
  std::int64_t retry_after_s = 0;  ///< Of a refused request: whole seconds until one fits, never too early.
};

/// A sliding window over the last 60 seconds: a ring of slices, each with its count and the time of its last request.
/// A slice stops counting 60 s after its *last* request, so the window never counts too little, and counts too much by
/// less than one slice: a steady caller at the limit gets 60 / 60.8 = 98.7 % of it. When at most one request falls
/// into a slice, as at 75 a minute and below, it is exact. Not for several threads at once.
class RateWindow {
 public:
  /// Admits one request and counts it, or refuses it and counts nothing. `limit` is per 60 s; 0 refuses everything.
  RateDecision admit(Tick now, std::int64_t limit);
  /// How many requests count now. Counts nothing.
  std::int64_t counted(Tick now);

 private:
  static constexpr std::int64_t slice_ms = 800;
  static constexpr std::int64_t window_ms = 60'000;
  static constexpr std::size_t slices = 77;  // 75 whole slices, the one being filled, and the one being left

  /// Forgets the slices whose last request is 60 s ago or more.
  void forget(std::int64_t now_ms);
  std::int64_t expiry_of(std::int64_t slice) const;
  static std::size_t place(std::int64_t slice) { return static_cast<std::size_t>(slice) % slices; }

  std::int64_t oldest_ = 0;   // number of the oldest slice that may still count
  std::int64_t newest_ = -1;  // number of the slice filled last; below oldest_ when none counts
  std::int64_t total_ = 0;    // sum of the counts from oldest_ to newest_
  std::array<std::uint32_t, slices> counts_{};
  std::array<std::uint16_t, slices> last_{};  // ms from the slice's start to its last request
};

}  // namespace cadastre

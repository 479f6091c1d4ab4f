#include "domain/rate_window.h"

#include <algorithm>

namespace cadastre {

// The figure of DESIGN.md: at most 512 bytes of memory per active tenant.
static_assert(sizeof(RateWindow) <= 512);

std::int64_t RateWindow::expiry_of(std::int64_t slice) const {
  return slice * slice_ms + last_[place(slice)] + window_ms;
}

void RateWindow::forget(std::int64_t now_ms) {
  while (oldest_ <= newest_ && (counts_[place(oldest_)] == 0 || expiry_of(oldest_) <= now_ms)) {
    total_ -= counts_[place(oldest_)];
    counts_[place(oldest_)] = 0;
    ++oldest_;
  }
}

std::int64_t RateWindow::counted(Tick now) {
  forget(std::max(now.time_since_epoch().count(), newest_ * slice_ms));
  return total_;
}

RateDecision RateWindow::admit(Tick now, std::int64_t limit) {
  const std::int64_t now_ms = std::max(now.time_since_epoch().count(), newest_ * slice_ms);
  forget(now_ms);
  const auto seconds_until = [&](std::int64_t at_ms) {
    return std::max<std::int64_t>(1, (at_ms - now_ms + 999) / 1000);
  };
  if (total_ >= limit) {
    // The limit may have been lowered below what is counted: enough slices must pass, not just the oldest.
    std::int64_t left = total_;
    std::int64_t free_at = now_ms + window_ms;
    for (std::int64_t slice = oldest_; slice <= newest_ && left >= limit; ++slice) {
      left -= counts_[place(slice)];
      if (counts_[place(slice)] > 0) free_at = expiry_of(slice);
    }
    const std::int64_t wait = seconds_until(free_at);
    return {.admitted = false, .limit = limit, .remaining = 0, .reset_s = wait, .retry_after_s = wait};
  }
  const std::int64_t slice = now_ms / slice_ms;
  if (oldest_ > newest_) oldest_ = slice;
  for (std::int64_t fresh = std::max(newest_ + 1, oldest_); fresh <= slice; ++fresh) counts_[place(fresh)] = 0;
  newest_ = slice;
  ++counts_[place(slice)];
  last_[place(slice)] = static_cast<std::uint16_t>(now_ms - slice * slice_ms);
  ++total_;
  return {.admitted = true, .limit = limit, .remaining = limit - total_, .reset_s = seconds_until(expiry_of(oldest_))};
}

}  // namespace cadastre

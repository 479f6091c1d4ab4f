// How several replicas share one tenant's rate: the store's half, which leases slices of the budget to them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "domain/rate_window.h"

namespace cadastre {

/// Where a budget counts the requests of a slice.
struct RateSlice {
  std::int64_t era = 0;
  std::int64_t cell = 0;
  friend bool operator==(const RateSlice&, const RateSlice&) = default;
};

/// Requests that were admitted, the last of them so long before the message was sent. A duration, not a time: replicas
/// and store compare no clocks.
struct RateUse {
  std::chrono::milliseconds age{0};
  std::int64_t count = 0;
};

/// What became of a part of a slice. The rest of the slice stays with the replica.
struct RateReturn {
  RateSlice slice;
  std::int64_t unused = 0;  ///< Will never be used.
  std::vector<RateUse> used;
};

/// What a replica tells and asks a tenant's budget in one message. Takes effect at most once: one whose fate is unknown
/// is not sent again.
struct RateAsk {
  std::int64_t wanted = 0;
  std::vector<RateReturn> returns;
};

/// A slice: so many requests, to be admitted within `RateBudget::lease` after the ask was *sent*.
struct RateGrant {
  RateSlice slice;
  std::int64_t granted = 0;  ///< As many as were wanted and free.
  std::int64_t free = 0;     ///< What is left after it.
  /// Until more is free, as far as is known: returns may come sooner.
  std::chrono::milliseconds more_in{0};
};

/// One tenant's budget: how many requests count against it, and until when. A request counts from the moment it is
/// granted, at first as long as if it were admitted at the lease's last instant, and once the replica has told of it
/// until 60 s after it was. Requests are counted in cells of half a second, each until the cell's end.
///
/// Why at most `limit` are admitted in any 60 s (decisions/0010): of those admitted in [x, x + 60 s), take the one
/// granted last. At its grant all the others were granted already and none had ceased to count, since none does before
/// 60 s after its admission; and no grant passes the limit.
///
/// Times are the store's clock. One that is set back makes the budget's time stand still for as long, at most
/// `setback_max`; beyond that what is counted moves along with it. One that is set forth forgets too early.
class RateBudget {
 public:
  static constexpr std::chrono::milliseconds window{60'000};
  static constexpr std::chrono::milliseconds lease{10'000};
  static constexpr std::chrono::milliseconds setback_max{2'000};  // above what two transactions' clocks may be apart

  /// Takes over what is returned, then grants what is free. `limit` is the tenant's at this moment; 0 grants nothing.
  RateGrant decide(const RateAsk& ask, std::int64_t limit, Instant now);
  /// One request that is admitted at once, by whoever holds the budget: counts it until 60 s from now, to the end of
  /// its cell; or refuses it and counts nothing.
  RateDecision admit(std::int64_t limit, Instant now);
  /// How many requests count now.
  std::int64_t counted(Instant now);

  /// At most `bytes_max` bytes, for the tenant's row.
  std::string encode() const;
  /// Exactly what `encode` writes; nothing on anything else.
  static std::optional<RateBudget> decode(std::string_view bytes);
  static constexpr std::size_t bytes_max = 1024;

  friend bool operator==(const RateBudget&, const RateBudget&) = default;

 private:
  static constexpr std::int64_t cell_ms = 500;
  static constexpr std::size_t cells = (lease + window).count() / cell_ms + 1;

  void advance(Instant now);
  void take_back(const RateReturn& returned);
  std::chrono::milliseconds more_in(std::int64_t limit) const;
  /// The cell whose end is the given time or the next after it.
  static std::int64_t cell_until(std::int64_t ms) { return (ms + cell_ms - 1) / cell_ms; }
  std::uint32_t& count_at(std::int64_t cell) { return counts_[static_cast<std::size_t>(cell - first_)]; }

  std::int64_t era_ = 0;     // raised when the clock was set back, so that slices from before cannot be mistaken
  std::int64_t now_ms_ = 0;  // of the last decision; never goes back within an era
  std::int64_t first_ = 1;   // number of the first cell that has not ended
  std::int64_t total_ = 0;
  std::array<std::uint32_t, cells> counts_{};  // of the cells from first_ on
};

}  // namespace cadastre

// How several replicas share one tenant's rate: a replica's half, which uses the slices that the store granted.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "domain/rate_budget.h"
#include "domain/rate_window.h"

namespace cadastre {

/// What one replica holds of one tenant's budget. It asks ahead of its need as the requests come, for about 0.6 s of
/// them, and gives back what it does not use. All times are this process's own, and only their differences matter. Not
/// for several threads at once.
class RateLease {
 public:
  /// Admits one request if a slice has room, refuses it if the store had nothing left when asked last. Nothing when the
  /// store has to be asked first: the caller asks at once, and when that is answered calls `decide`.
  std::optional<RateDecision> admit(Tick now, std::int64_t limit);
  /// The same for a request that `admit` has seen already.
  std::optional<RateDecision> decide(Tick now, std::int64_t limit);

  /// What to send now, while `waiting` requests wait for it; nothing when it is not time. Afterwards either `receive`
  /// or `fail` must be called before the next `ask`.
  std::optional<RateAsk> ask(Tick now, std::int64_t waiting);
  /// Everything that is held, when no more requests come.
  std::optional<RateAsk> give_back(Tick now);
  /// `asked` is when `ask` was called, before anything was sent.
  void receive(const RateGrant& grant, Tick asked, Tick now);
  /// The message failed; it may have taken effect or not. What it returned is gone, what it asked is not had.
  void fail(Tick now);

  /// Nothing is held, nothing is left to tell, and no request came for a second.
  bool is_idle(Tick now) const;
  /// How many requests can be admitted without asking.
  std::int64_t usable(Tick now) const;

 private:
  struct Use {
    std::int64_t last_ms = 0;
    std::uint32_t count = 0;
  };
  /// Requests admitted in the same quarter of a second are told as one use, with the age of the last.
  static constexpr std::size_t uses_max = 8;
  struct Slice {
    RateSlice id;
    std::int64_t expires_ms = 0;
    std::uint32_t left = 0;
    std::uint32_t uses = 0;
    std::array<Use, uses_max> used{};
    bool is_empty() const { return left == 0 && uses == 0; }
  };

  bool is_empty() const;
  static void use(Slice& slice, std::int64_t now_ms);
  static RateReturn hand_over(Slice& slice, std::int64_t now_ms, bool keep);
  RateAsk tell(std::int64_t now_ms, bool keep);
  void note_limit(std::int64_t limit, std::int64_t now_ms);
  void note_arrival(std::int64_t now_ms);
  std::int64_t arrivals_in(std::int64_t span_ms, std::int64_t now_ms) const;
  std::int64_t reserve_max() const;
  std::int64_t usable_at(std::int64_t now_ms) const;
  bool has_to_tell(std::int64_t now_ms) const;
  std::int64_t seconds_until_more(std::int64_t now_ms) const;
  RateDecision admitted(std::int64_t now_ms) const;

  std::array<Slice, 2> slices_{};  // the older one first
  std::int64_t limit_ = 0;         // as `admit` heard last
  std::int64_t free_ = 0;          // in the store, when it answered last
  std::int64_t wanted_ = 0;        // of the message under way
  std::int64_t more_at_ms_ = 0;    // when more is free, as far as is known
  std::int64_t dry_until_ms_ = 0;  // the store had too little: not asked again before
  std::int64_t failed_until_ms_ = 0;
  std::int64_t period_ms_ = 0;  // start of the second in which arrivals are counted
  std::int64_t last_arrival_ms_ = 0;
  std::uint32_t arrivals_ = 0;          // of that second
  std::uint32_t earlier_arrivals_ = 0;  // of the one before
  bool under_way_ = false;
};

}  // namespace cadastre

#include "domain/rate_lease.h"

#include <algorithm>
#include <utility>

namespace cadastre {
namespace {

// The figure of issue 3: at most 512 bytes of memory per active tenant.
static_assert(sizeof(RateLease) <= 512);

/// A hundredth less than the store grants: two clocks' rates never differ by as much.
constexpr std::int64_t lease_ms = RateBudget::lease.count() * 99 / 100;
constexpr std::int64_t reserve_ms =
    600;                              // of arrivals, asked for ahead: each second of reserve costs 1/60 of the limit
constexpr std::int64_t low_ms = 350;  // above the time between two looks at what is due and one round trip
constexpr std::int64_t period_ms = 1'000;      // over which arrivals are counted
constexpr std::int64_t idle_ms = 1'000;        // without arrivals
constexpr std::int64_t ending_ms = 1'500;      // before its lease ends, a slice is given back
constexpr std::int64_t look_again_ms = 1'000;  // other replicas may give back sooner than the store can foresee
constexpr std::int64_t failed_ms = 500;        // the store is not asked again at once
constexpr std::int64_t use_ms = 250;           // admitted within: told as one
constexpr std::int64_t untold_ms = 3'000;      // the longest that a use waits to be told
constexpr std::int64_t free_part = 32;         // of what is free in the store, a replica may hold so small a part idle

std::int64_t count_ms(Tick at) { return at.time_since_epoch().count(); }

}  // namespace

std::optional<RateDecision> RateLease::admit(Tick now, std::int64_t limit) {
  note_arrival(count_ms(now));
  return decide(now, limit);
}

std::optional<RateDecision> RateLease::decide(Tick now, std::int64_t limit) {
  const std::int64_t now_ms = count_ms(now);
  note_limit(limit, now_ms);
  for (Slice& slice : slices_) {
    if (slice.left == 0 || slice.expires_ms <= now_ms) continue;
    use(slice, now_ms);
    return admitted(now_ms);
  }
  if (now_ms < failed_until_ms_) return RateDecision{.unknown = true, .limit = limit, .retry_after_s = 1};
  if (limit > 0 && now_ms >= dry_until_ms_) return std::nullopt;
  const std::int64_t wait = seconds_until_more(now_ms);
  return RateDecision{.limit = limit, .reset_s = wait, .retry_after_s = wait};
}

void RateLease::use(Slice& slice, std::int64_t now_ms) {
  --slice.left;
  const bool is_same = slice.uses > 0 && slice.used[slice.uses - 1].last_ms / use_ms == now_ms / use_ms;
  if (!is_same && slice.uses < uses_max) slice.used[slice.uses++] = {};
  Use& last = slice.used[slice.uses - 1];
  last.last_ms = std::max(last.last_ms, now_ms);
  ++last.count;
}

RateDecision RateLease::admitted(std::int64_t now_ms) const {
  return {.admitted = true,
          .limit = limit_,
          .remaining = std::min(usable_at(now_ms) + free_, std::max<std::int64_t>(limit_ - 1, 0)),
          .reset_s = seconds_until_more(now_ms)};
}

std::int64_t RateLease::seconds_until_more(std::int64_t now_ms) const {
  if (limit_ == 0) return RateBudget::window / std::chrono::seconds(1);
  return std::max<std::int64_t>(1, (more_at_ms_ - now_ms + 999) / 1000);
}

void RateLease::note_limit(std::int64_t limit, std::int64_t now_ms) {
  if (limit > limit_) dry_until_ms_ = wanted_ = 0;  // an answer under way was reckoned with the lower limit
  if (limit < limit_) {
    // What was granted under a greater limit is not used under this one.
    for (Slice& slice : slices_) slice.expires_ms = std::min(slice.expires_ms, now_ms);
  }
  limit_ = limit;
}

void RateLease::note_arrival(std::int64_t now_ms) {
  if (now_ms >= period_ms_ + period_ms) {
    const bool is_next = now_ms < period_ms_ + 2 * period_ms;
    earlier_arrivals_ = is_next ? arrivals_ : 0;
    arrivals_ = 0;
    period_ms_ = is_next ? period_ms_ + period_ms : now_ms;
  }
  ++arrivals_;
  last_arrival_ms_ = now_ms;
}

/// How many arrivals are to be expected in such a span, going by the last one to two seconds.
std::int64_t RateLease::arrivals_in(std::int64_t span_ms, std::int64_t now_ms) const {
  if (now_ms - last_arrival_ms_ >= idle_ms) return 0;
  const std::int64_t current_ms = std::max(now_ms - period_ms_, use_ms);
  const std::int64_t seen_ms = earlier_arrivals_ > 0 ? period_ms + current_ms : current_ms;
  const std::int64_t round_up = limit_ >= 300 ? seen_ms - 1 : 0;  // unless one more is much of the limit
  return ((std::int64_t{earlier_arrivals_} + arrivals_) * span_ms + round_up) / seen_ms;
}

/// The most to hold ahead of need: one hundredth of the limit, and more while much is free.
std::int64_t RateLease::reserve_max() const { return limit_ / 100 + free_ / free_part; }

std::int64_t RateLease::usable(Tick now) const { return usable_at(count_ms(now)); }

std::int64_t RateLease::usable_at(std::int64_t now_ms) const {
  std::int64_t sum = 0;
  for (const Slice& slice : slices_) sum += slice.expires_ms > now_ms ? slice.left : 0;
  return sum;
}

bool RateLease::is_empty() const {
  return !under_way_ && std::ranges::all_of(slices_, [](const Slice& slice) { return slice.is_empty(); });
}

bool RateLease::is_idle(Tick now) const { return is_empty() && count_ms(now) - last_arrival_ms_ >= idle_ms; }

bool RateLease::has_to_tell(std::int64_t now_ms) const {
  const bool is_idle = now_ms - last_arrival_ms_ >= idle_ms;
  if (is_idle && usable_at(now_ms) > free_ / free_part) return true;
  return std::ranges::any_of(slices_, [&](const Slice& slice) {
    if (slice.left > 0 && slice.expires_ms - now_ms < ending_ms) return true;
    if (slice.uses == 0) return false;
    return slice.uses == uses_max || now_ms - slice.used[0].last_ms >= untold_ms;
  });
}

RateReturn RateLease::hand_over(Slice& slice, std::int64_t now_ms, bool keep) {
  RateReturn returned{.slice = slice.id};
  for (std::uint32_t i = 0; i < slice.uses; ++i) {
    const std::int64_t age_ms = (now_ms - slice.used[i].last_ms) * 99 / 100;
    returned.used.push_back({std::chrono::milliseconds(age_ms), slice.used[i].count});
  }
  slice.uses = 0;
  if (!keep) returned.unused = std::exchange(slice.left, 0U);
  return returned;
}

/// Tells all uses and gives the slices back; with `keep` not the newer one, unless it ends soon.
RateAsk RateLease::tell(std::int64_t now_ms, bool keep) {
  RateAsk ask;
  if (slices_[1].is_empty()) std::swap(slices_[0], slices_[1]);
  for (Slice& slice : slices_) {
    if (slice.is_empty()) continue;
    const bool stays = keep && &slice == &slices_[1] && slice.expires_ms - now_ms >= ending_ms;
    ask.returns.push_back(hand_over(slice, now_ms, stays));
  }
  return ask;
}

std::optional<RateAsk> RateLease::ask(Tick now, std::int64_t waiting) {
  const std::int64_t now_ms = count_ms(now);
  if (under_way_ || now_ms < failed_until_ms_) return std::nullopt;
  const std::int64_t reserve = std::min(arrivals_in(reserve_ms, now_ms), reserve_max());
  const bool is_low = now_ms >= dry_until_ms_ && usable_at(now_ms) < std::min(arrivals_in(low_ms, now_ms), reserve);
  if (waiting == 0 && !is_low && !has_to_tell(now_ms)) return std::nullopt;
  const bool is_idle = now_ms - last_arrival_ms_ >= idle_ms;
  RateAsk ask = tell(now_ms, !is_idle || usable_at(now_ms) <= free_ / free_part);
  ask.wanted = wanted_ = waiting + std::max<std::int64_t>(reserve - usable_at(now_ms), 0);
  under_way_ = true;
  return ask;
}

std::optional<RateAsk> RateLease::give_back(Tick now) {
  if (under_way_ || is_empty()) return std::nullopt;
  under_way_ = true;
  wanted_ = 0;
  return tell(count_ms(now), false);
}

void RateLease::receive(const RateGrant& grant, Tick asked, Tick now) {
  const std::int64_t now_ms = count_ms(now);
  under_way_ = false;
  free_ = grant.free;
  more_at_ms_ = now_ms + grant.more_in.count();
  dry_until_ms_ = 0;
  if (grant.granted < wanted_) dry_until_ms_ = now_ms + std::min<std::int64_t>(grant.more_in.count(), look_again_ms);
  if (grant.granted == 0) return;
  // `ask` has left at most the newer slice.
  if (!slices_[1].is_empty()) slices_[0] = slices_[1];
  slices_[1] = {
      .id = grant.slice, .expires_ms = count_ms(asked) + lease_ms, .left = static_cast<std::uint32_t>(grant.granted)};
}

void RateLease::fail(Tick now) {
  under_way_ = false;
  failed_until_ms_ = count_ms(now) + failed_ms;
}

}  // namespace cadastre

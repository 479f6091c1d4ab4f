#include "domain/rate_budget.h"

#include <algorithm>
#include <numeric>

namespace cadastre {
namespace {

constexpr std::int64_t count_max = 1'000'000'000;  // of a limit (DESIGN.md section 4.1)

/// LEB128, as DWARF spells it: seven bits a byte, the lowest first.
void append_number(std::string& out, std::int64_t number) {
  auto rest = static_cast<std::uint64_t>(number);
  for (; rest >= 0x80; rest >>= 7U) out += static_cast<char>(0x80U | (rest & 0x7FU));
  out += static_cast<char>(rest);
}

/// Reads one number of at most 2^56 in its shortest form and takes it off; -1 on anything else.
std::int64_t take_number(std::string_view& bytes) {
  std::int64_t number = 0;
  for (unsigned shift = 0; shift < 56 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    number |= std::int64_t{byte & 0x7F} << shift;
    if (byte < 0x80) return byte == 0 && shift > 0 ? -1 : number;
  }
  return -1;
}

}  // namespace

void RateBudget::advance(Instant now) {
  const std::int64_t clock_ms = std::max<std::int64_t>(0, ms_since_epoch(now));
  if (clock_ms < now_ms_ - setback_max.count()) {
    // As if no time had passed since the last decision: what counts goes on counting for as long as it would have.
    const std::int64_t back = (now_ms_ - clock_ms) / cell_ms;
    first_ -= back;
    now_ms_ -= back * cell_ms;
    ++era_;
  }
  now_ms_ = std::max(now_ms_, clock_ms);
  const std::int64_t first = now_ms_ / cell_ms + 1;
  const auto ended = static_cast<std::size_t>(std::min<std::int64_t>(first - first_, cells));
  const auto kept = counts_.begin() + static_cast<std::ptrdiff_t>(ended);
  total_ -= std::accumulate(counts_.begin(), kept, std::int64_t{0});
  std::fill(std::move(kept, counts_.end(), counts_.begin()), counts_.end(), 0U);
  first_ = first;
}

void RateBudget::take_back(const RateReturn& returned) {
  if (returned.slice.era != era_ || returned.slice.cell < first_ || returned.slice.cell - first_ >= std::int64_t{cells})
    return;  // of another era, or it has ceased to count
  std::int64_t gone = returned.unused;
  for (const RateUse& use : returned.used) gone += use.count;
  const bool is_negative =
      returned.unused < 0 || std::ranges::any_of(returned.used, [](auto& use) { return use.count < 0; });
  if (is_negative || gone > count_at(returned.slice.cell)) return;  // never granted
  count_at(returned.slice.cell) -= static_cast<std::uint32_t>(gone);
  total_ -= gone;
  for (const RateUse& use : returned.used) {
    const std::int64_t until_ms = now_ms_ - use.age.count() + window.count();
    const std::int64_t cell = std::min(cell_until(until_ms), returned.slice.cell);
    if (cell < first_) continue;
    count_at(cell) += static_cast<std::uint32_t>(use.count);
    total_ += use.count;
  }
}

std::chrono::milliseconds RateBudget::more_in(std::int64_t limit) const {
  std::int64_t left = total_;
  for (std::size_t i = 0; i < cells; ++i) {
    left -= counts_[i];
    const bool is_more = counts_[i] > 0 && left < limit;
    if (is_more) return std::chrono::milliseconds((first_ + static_cast<std::int64_t>(i)) * cell_ms - now_ms_);
  }
  return window;
}

RateGrant RateBudget::decide(const RateAsk& ask, std::int64_t limit, Instant now) {
  advance(now);
  for (const RateReturn& returned : ask.returns) take_back(returned);
  RateGrant grant;
  grant.more_in = more_in(limit);
  grant.granted =
      std::clamp<std::int64_t>(std::min(limit, count_max) - total_, 0, std::max<std::int64_t>(ask.wanted, 0));
  grant.slice = {.era = era_, .cell = cell_until(now_ms_ + (lease + window).count())};
  count_at(grant.slice.cell) += static_cast<std::uint32_t>(grant.granted);
  total_ += grant.granted;
  grant.free = std::max<std::int64_t>(limit - total_, 0);
  return grant;
}

RateDecision RateBudget::admit(std::int64_t limit, Instant now) {
  const RateGrant grant = decide({.wanted = 1, .returns = {}}, limit, now);
  const auto seconds = [](std::chrono::milliseconds time) {
    return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(time).count());
  };
  if (grant.granted == 0) {
    const std::int64_t wait = seconds(grant.more_in);
    return {.limit = limit, .reset_s = wait, .retry_after_s = wait};
  }
  take_back({.slice = grant.slice, .unused = 0, .used = {{std::chrono::milliseconds(0), 1}}});
  return {.admitted = true, .limit = limit, .remaining = grant.free, .reset_s = seconds(more_in(limit))};
}

std::int64_t RateBudget::counted(Instant now) {
  advance(now);
  return total_;
}

std::string RateBudget::encode() const {
  std::string out;
  append_number(out, era_);
  append_number(out, now_ms_);
  std::size_t next = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    if (counts_[i] == 0) continue;
    append_number(out, static_cast<std::int64_t>(i - next));  // how many empty cells lie between
    append_number(out, counts_[i]);
    next = i + 1;
  }
  return out;
}

std::optional<RateBudget> RateBudget::decode(std::string_view bytes) {
  RateBudget budget;
  budget.era_ = take_number(bytes);
  budget.now_ms_ = take_number(bytes);
  if (budget.era_ < 0 || budget.now_ms_ < 0) return std::nullopt;
  budget.first_ = budget.now_ms_ / cell_ms + 1;
  for (std::size_t next = 0; !bytes.empty(); ++next) {
    const std::int64_t empty = take_number(bytes);
    const std::int64_t count = take_number(bytes);
    if (empty < 0 || empty >= static_cast<std::int64_t>(cells - next) || count <= 0 || count > count_max)
      return std::nullopt;
    next += static_cast<std::size_t>(empty);
    budget.counts_[next] = static_cast<std::uint32_t>(count);
    budget.total_ += count;
  }
  return budget;
}

}  // namespace cadastre

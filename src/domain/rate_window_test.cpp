#include "domain/rate_window.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "base/random.h"

namespace cadastre {
namespace {

Tick at_ms(std::int64_t ms) { return Tick(std::chrono::milliseconds(3'600'000 + ms)); }

/// Sends requests at the given instants; answers when each was admitted, and checks on the way that no 60 seconds ever
/// held more than the limit and that a refused caller who waits as told is admitted.
std::vector<std::int64_t> admitted(const std::vector<std::int64_t>& arrivals_ms, std::int64_t limit) {
  RateWindow window;
  std::vector<std::int64_t> times;
  std::deque<std::int64_t> last_minute;
  for (const std::int64_t now : arrivals_ms) {
    while (!last_minute.empty() && last_minute.front() <= now - 60'000) last_minute.pop_front();
    const auto decision = window.admit(at_ms(now), limit);
    if (decision.admitted) {
      last_minute.push_back(now);
      times.push_back(now);
    } else {
      REQUIRE(decision.retry_after_s >= 1);
      RateWindow later = window;
      REQUIRE(later.admit(at_ms(now + 1000 * decision.retry_after_s), limit).admitted);
    }
    REQUIRE(static_cast<std::int64_t>(last_minute.size()) <= limit);
    REQUIRE(decision.remaining >= 0);
  }
  return times;
}

std::vector<std::int64_t> steady(double interval_ms, std::int64_t span_ms, double phase_ms) {
  std::vector<std::int64_t> times;
  for (double at = phase_ms; at < static_cast<double>(span_ms); at += interval_ms)
    times.push_back(static_cast<std::int64_t>(at));
  return times;
}

TEST_CASE("a steady caller at the limit gets at least 98 % of it, at every rate and phase") {
  for (const std::int64_t limit : {1, 2, 7, 60, 74, 75, 76, 100, 599, 600, 6000}) {
    for (const double phase : {0.0, 1.0, 399.0, 799.0}) {
      CAPTURE(limit);
      CAPTURE(phase);
      const auto arrivals = steady(60'000.0 / static_cast<double>(limit), 1'200'000, phase);
      const auto served = admitted(arrivals, limit).size();
      CHECK(static_cast<double>(served) >= 0.98 * static_cast<double>(arrivals.size()));
    }
  }
}

TEST_CASE("a burst at the window's edge does not double the limit") {
  std::vector<std::int64_t> arrivals;
  for (int i = 0; i < 100; ++i) arrivals.push_back(59'990);
  for (int i = 0; i < 100; ++i) arrivals.push_back(60'010);
  for (int i = 0; i < 100; ++i) arrivals.push_back(119'989);
  for (int i = 0; i < 100; ++i) arrivals.push_back(119'990);
  const auto times = admitted(arrivals, 100);
  CHECK(times.size() == 200);
  CHECK(std::ranges::count(times, 59'990) == 100);
  CHECK(std::ranges::count(times, 119'990) == 100);
}

TEST_CASE("no pattern of arrivals passes the limit in any 60 seconds") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    const auto limit = static_cast<std::int64_t>(1 + random.below(seed % 2 == 0 ? 20 : 400));
    std::vector<std::int64_t> arrivals;
    for (std::int64_t now = 0; arrivals.size() < 4000;) {
      const std::uint64_t burst = random.below(4) == 0 ? random.below(static_cast<std::uint64_t>(limit) + 3) : 1;
      for (std::uint64_t i = 0; i < burst; ++i) arrivals.push_back(now);
      constexpr std::int64_t gaps[] = {0,    1,      10,     100,    799,    800,    801,
                                       1000, 10'000, 59'199, 59'999, 60'000, 60'001, 200'000};
      now += gaps[random.below(std::size(gaps))];
    }
    CHECK(!admitted(arrivals, limit).empty());
  }
}

TEST_CASE("two tenants do not share a window") {
  RateWindow one;
  RateWindow other;
  for (int i = 0; i < 10; ++i) CHECK(one.admit(at_ms(0), 10).admitted);
  CHECK_FALSE(one.admit(at_ms(1), 10).admitted);
  CHECK(other.admit(at_ms(1), 10).admitted);
}

TEST_CASE("a limit that is lowered binds at once, and one of zero refuses everything") {
  RateWindow window;
  for (int i = 0; i < 10; ++i) CHECK(window.admit(at_ms(i), 10).admitted);
  const auto lowered = window.admit(at_ms(100), 5);
  CHECK_FALSE(lowered.admitted);
  CHECK(window.admit(at_ms(100 + 1000 * lowered.retry_after_s), 5).admitted);
  CHECK_FALSE(RateWindow().admit(at_ms(0), 0).admitted);
}

TEST_CASE("the remaining number and the reset come from the same decision") {
  RateWindow window;
  const auto first = window.admit(at_ms(0), 3);
  CHECK(first.remaining == 2);
  CHECK(first.reset_s == 60);
  const auto second = window.admit(at_ms(30'000), 3);
  CHECK(second.remaining == 1);
  CHECK(second.reset_s == 30);
  CHECK(window.counted(at_ms(30'000)) == 2);
  CHECK(window.counted(at_ms(60'000)) == 1);
}

}  // namespace
}  // namespace cadastre

#include "domain/rate_lease.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

using std::chrono::milliseconds;

Tick at_ms(std::int64_t ms) { return Tick(milliseconds(3'600'000 + ms)); }

/// A lease that was granted so many when it asked at 0, for one waiting request.
RateLease granted(std::int64_t count, std::int64_t limit, const RateGrant& rest = {.more_in = milliseconds(60'000)}) {
  RateLease lease;
  REQUIRE_FALSE(lease.admit(at_ms(0), limit));
  REQUIRE(lease.ask(at_ms(0), 1)->wanted >= 1);
  RateGrant grant = rest;
  grant.slice = {.era = 0, .cell = 7};
  grant.granted = count;
  lease.receive(grant, at_ms(0), at_ms(5));
  return lease;
}

std::int64_t used_in(const RateAsk& ask) {
  std::int64_t sum = 0;
  for (const RateReturn& returned : ask.returns) {
    for (const RateUse& use : returned.used) sum += use.count;
  }
  return sum;
}

TEST_CASE("the first request waits for one answer of the store") {
  RateLease lease;
  CHECK_FALSE(lease.admit(at_ms(0), 600));
  CHECK_FALSE(lease.admit(at_ms(0), 600));
  const auto ask = lease.ask(at_ms(0), 2);
  REQUIRE(ask);
  CHECK(ask->wanted >= 2);
  CHECK(ask->wanted <= 8);
  CHECK_FALSE(lease.ask(at_ms(1), 2));  // one is under way
  lease.receive({.slice = {}, .granted = ask->wanted, .free = 590, .more_in = milliseconds(60'000)}, at_ms(0),
                at_ms(3));
  CHECK(lease.decide(at_ms(3), 600)->admitted);
  CHECK(lease.decide(at_ms(3), 600)->admitted);
}

TEST_CASE("a slice is used up to a hundredth before its lease ends, counted from the asking") {
  RateLease lease = granted(5, 600);
  CHECK(lease.decide(at_ms(9'899), 600)->admitted);
  CHECK(lease.usable(at_ms(9'899)) == 4);
  CHECK(lease.usable(at_ms(9'900)) == 0);
  CHECK_FALSE(lease.decide(at_ms(9'900), 600));
}

TEST_CASE("an answer that took longer than the lease grants nothing, and what it granted is given back") {
  RateLease lease;
  CHECK_FALSE(lease.admit(at_ms(0), 600));
  CHECK(lease.ask(at_ms(0), 1));
  lease.receive({.slice = {.era = 0, .cell = 7}, .granted = 3, .free = 500}, at_ms(0), at_ms(30'000));
  CHECK_FALSE(lease.decide(at_ms(30'000), 600));
  const auto ask = lease.ask(at_ms(30'000), 1);
  REQUIRE(ask);
  REQUIRE(ask->returns.size() == 1);
  CHECK(ask->returns[0].slice == RateSlice{.era = 0, .cell = 7});
  CHECK(ask->returns[0].unused == 3);
}

TEST_CASE("what is asked for ahead grows with the arrivals and stays near one hundredth of the limit") {
  struct Row {
    std::int64_t limit, interval_ms, reserve_min, reserve_max;
  };
  const Row rows[] = {{60'000, 10, 40, 70}, {60'000, 1, 500, 600}, {600, 100, 5, 6},
                      {600, 1, 6, 6},       {60, 1, 0, 0},         {1, 1, 0, 0}};
  for (const Row& row : rows) {
    CAPTURE(row.limit);
    CAPTURE(row.interval_ms);
    RateLease lease;
    for (std::int64_t now_ms = 0; now_ms < 2'000; now_ms += row.interval_ms)
      (void)lease.admit(at_ms(now_ms), row.limit);
    const auto ask = lease.ask(at_ms(2'000), 1);
    REQUIRE(ask);
    CHECK(ask->wanted >= 1 + row.reserve_min);
    CHECK(ask->wanted <= 1 + row.reserve_max);
  }
}

TEST_CASE("every use is told once, with the age of the last of its quarter of a second or more") {
  RateLease lease = granted(20, 60'000);
  for (const std::int64_t now_ms : {10, 20, 30, 240, 260, 700}) CHECK(lease.admit(at_ms(now_ms), 60'000)->admitted);
  const auto ask = lease.ask(at_ms(5'000), 1);
  REQUIRE(ask);
  CHECK(used_in(*ask) == 6);
  REQUIRE(ask->returns.size() == 1);
  const auto& used = ask->returns[0].used;
  REQUIRE(used.size() == 3);
  CHECK(used[0].count == 4);
  CHECK(used[0].age <= milliseconds(4'760));
  CHECK(used[0].age >= milliseconds(4'700));
  CHECK(used[2].age <= milliseconds(4'300));
  lease.receive({.slice = {.era = 0, .cell = 9}, .granted = ask->wanted}, at_ms(5'000), at_ms(5'001));
  const auto next = lease.give_back(at_ms(5'002));
  REQUIRE(next);
  CHECK(used_in(*next) == 0);
  CHECK(lease.give_back(at_ms(5'003)) == std::nullopt);  // one is under way
}

TEST_CASE("however many uses there are, they are all told, none older than it is") {
  RateLease lease = granted(1'000, 60'000);
  for (std::int64_t now_ms = 10; now_ms < 9'010; now_ms += 9) CHECK(lease.admit(at_ms(now_ms), 60'000)->admitted);
  const auto ask = lease.give_back(at_ms(9'100));
  REQUIRE(ask);
  CHECK(used_in(*ask) == 1'000);
  CHECK(ask->returns[0].unused == 0);
  CHECK(ask->returns[0].used.back().age <= milliseconds(99));
  CHECK(lease.usable(at_ms(9'100)) == 0);
}

TEST_CASE("an idle replica gives back what it holds, sooner when the others may need it") {
  for (const std::int64_t free : {0, 500}) {
    CAPTURE(free);
    RateLease lease = granted(5, 600, {.free = free, .more_in = milliseconds(60'000)});
    CHECK(lease.decide(at_ms(5), 600)->admitted);
    std::int64_t returned_ms = 0;
    for (std::int64_t now_ms = 250; now_ms < 20'000 && !lease.is_idle(at_ms(now_ms)); now_ms += 250) {
      const auto ask = lease.ask(at_ms(now_ms), 0);
      if (!ask) continue;
      CHECK(ask->wanted == 0);
      if (ask->returns[0].unused == 4) returned_ms = now_ms;
      lease.receive({.free = free}, at_ms(now_ms), at_ms(now_ms + 1));
    }
    CHECK(lease.is_idle(at_ms(20'000)));
    CHECK(returned_ms >= (free == 0 ? 1'000 : 8'000));
    CHECK(returned_ms <= (free == 0 ? 1'250 : 9'000));
  }
}

TEST_CASE("a refusal says when more is free, never too early, and is not asked about before") {
  RateLease lease = granted(0, 600, {.more_in = milliseconds(40'001)});
  const auto refused = lease.decide(at_ms(5), 600);
  REQUIRE(refused);
  CHECK_FALSE(refused->admitted);
  CHECK_FALSE(refused->unknown);
  CHECK(refused->limit == 600);
  CHECK(refused->remaining == 0);
  CHECK(refused->retry_after_s == 41);
  CHECK(refused->reset_s == 41);
  CHECK_FALSE(lease.ask(at_ms(500), 0));
  CHECK_FALSE(lease.decide(at_ms(1'005), 600));  // others may have given back
}

TEST_CASE("the headers' numbers come from what is held and what the store had left") {
  RateLease lease = granted(5, 600, {.free = 300, .more_in = milliseconds(20'000)});
  const auto first = lease.decide(at_ms(1'005), 600);
  CHECK(first->limit == 600);
  CHECK(first->remaining == 304);
  CHECK(first->reset_s == 19);
  CHECK(lease.decide(at_ms(1'006), 600)->remaining == 303);
}

TEST_CASE("a store that cannot be asked makes the answer unknown, but for what is held") {
  RateLease lease = granted(2, 600);
  CHECK(lease.admit(at_ms(4'900), 600)->admitted);
  CHECK(lease.ask(at_ms(5'000), 1));
  lease.fail(at_ms(8'000));
  CHECK(lease.admit(at_ms(8'001), 600)->admitted);
  const auto unknown = lease.admit(at_ms(8'002), 600);
  REQUIRE(unknown);
  CHECK_FALSE(unknown->admitted);
  CHECK(unknown->unknown);
  CHECK(unknown->retry_after_s >= 1);
  CHECK_FALSE(lease.ask(at_ms(8'499), 1));
  CHECK_FALSE(lease.admit(at_ms(8'500), 600));
  CHECK(lease.ask(at_ms(8'500), 1));
}

TEST_CASE("what was granted under a greater limit is not used under a lower one, and a limit of zero refuses all") {
  RateLease lease = granted(5, 600);
  CHECK_FALSE(lease.decide(at_ms(100), 300));
  const auto ask = lease.ask(at_ms(100), 1);
  REQUIRE(ask);
  CHECK(ask->returns[0].unused == 5);
  RateLease none = granted(5, 600);
  const auto refused = none.decide(at_ms(100), 0);
  REQUIRE(refused);
  CHECK_FALSE(refused->admitted);
  CHECK(refused->retry_after_s == 60);
  CHECK_FALSE(RateLease().admit(at_ms(0), 0)->admitted);
}

TEST_CASE("a raised limit is asked about at once") {
  RateLease lease = granted(0, 600, {.more_in = milliseconds(40'000)});
  CHECK(lease.decide(at_ms(10), 600));
  CHECK_FALSE(lease.decide(at_ms(11), 700));
}

TEST_CASE("a limit raised while the store is asked is asked about again, whatever the answer") {
  RateLease lease;
  REQUIRE_FALSE(lease.admit(at_ms(0), 600));
  REQUIRE(lease.ask(at_ms(0), 1));
  CHECK_FALSE(lease.decide(at_ms(1), 700));
  lease.receive({.granted = 0, .more_in = milliseconds(60'000)}, at_ms(0), at_ms(5));
  CHECK_FALSE(lease.decide(at_ms(6), 700));
  CHECK(lease.ask(at_ms(6), 1));
}

}  // namespace
}  // namespace cadastre

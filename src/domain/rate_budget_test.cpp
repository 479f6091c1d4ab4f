#include "domain/rate_budget.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"

namespace cadastre {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t noon_ms = 1'763'985'600'000;

Instant at_ms(std::int64_t ms) { return instant_from_ms(noon_ms + ms); }

RateReturn used(const RateSlice& slice, std::int64_t count, std::int64_t age_ms) {
  return {.slice = slice, .used = {{milliseconds(age_ms), count}}};
}

TEST_CASE("a budget grants what is free and no more") {
  RateBudget budget;
  CHECK(budget.decide({.wanted = 7}, 10, at_ms(0)).granted == 7);
  const RateGrant second = budget.decide({.wanted = 7}, 10, at_ms(1));
  CHECK(second.granted == 3);
  CHECK(second.free == 0);
  CHECK(budget.decide({.wanted = 1}, 10, at_ms(2)).granted == 0);
  CHECK(budget.decide({.wanted = -1}, 10, at_ms(2)).granted == 0);
  CHECK(budget.decide({.wanted = 1}, 0, at_ms(2)).granted == 0);
  CHECK(budget.decide({.wanted = 5'000'000'000}, 1'000'000'000, at_ms(3)).granted == 999'999'990);
  CHECK(budget.counted(at_ms(4)) == 1'000'000'000);
}

TEST_CASE("of requests that are admitted at once no pattern passes the limit in any 60 seconds") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    const auto limit = static_cast<std::int64_t>(1 + random.below(40));
    RateBudget budget;
    std::vector<std::int64_t> admitted;
    std::int64_t now = 0;
    for (int i = 0; i < 3000; ++i) {
      constexpr std::int64_t gaps[] = {0, 0, 1, 10, 499, 500, 501, 1500, 59'000, 59'999, 60'000, 61'000};
      now += gaps[random.below(std::size(gaps))];
      const RateDecision decision = budget.admit(limit, at_ms(now));
      CHECK(decision.admitted == (decision.retry_after_s == 0));
      if (decision.admitted)
        admitted.push_back(now);
      else if (decision.retry_after_s > 61)
        FAIL("a wait that is longer than the window");
      budget = RateBudget::decode(budget.encode()).value();
    }
    const auto width = static_cast<std::size_t>(limit);
    for (std::size_t i = width; i < admitted.size(); ++i) CHECK(admitted[i] - admitted[i - width] >= 60'000);
    // Whoever waits as long as he is told is served.
    now += 120'000;
    for (std::int64_t i = 0; i < limit; ++i) CHECK(budget.admit(limit, at_ms(now)).admitted);
    const RateDecision full = budget.admit(limit, at_ms(now));
    CHECK(!full.admitted);
    CHECK(budget.admit(limit, at_ms(now + full.retry_after_s * 1000)).admitted);
  }
}

TEST_CASE("a limit of nothing admits nothing") {
  RateBudget budget;
  CHECK(!budget.admit(0, at_ms(0)).admitted);
  CHECK(budget.counted(at_ms(0)) == 0);
}

TEST_CASE("a slice that is never heard of again counts for 60 s after its lease") {
  RateBudget budget;
  budget.decide({.wanted = 4}, 4, at_ms(0));
  CHECK(budget.counted(at_ms(69'999)) == 4);
  CHECK(budget.counted(at_ms(70'000)) == 0);
}

TEST_CASE("what was used counts for 60 s from then, rounded up to half a second; what was not is free at once") {
  RateBudget budget;
  const RateGrant grant = budget.decide({.wanted = 10}, 10, at_ms(0));
  RateAsk ask{.returns = {used(grant.slice, 6, 300)}};
  ask.returns[0].unused = 3;
  CHECK(budget.decide(ask, 10, at_ms(900)).free == 3);  // one is still out
  CHECK(budget.counted(at_ms(60'999)) == 7);
  CHECK(budget.counted(at_ms(61'000)) == 1);
  CHECK(budget.counted(at_ms(70'000)) == 0);
}

TEST_CASE("what is told twice, too late or of nothing frees nothing") {
  RateBudget budget;
  const RateGrant grant = budget.decide({.wanted = 5}, 10, at_ms(0));
  const RateAsk all_unused{.returns = {{.slice = grant.slice, .unused = 5}}};
  budget.decide(all_unused, 10, at_ms(10));
  CHECK(budget.counted(at_ms(11)) == 0);
  budget.decide({.wanted = 2}, 10, at_ms(600));
  budget.decide(all_unused, 10, at_ms(601));
  CHECK(budget.counted(at_ms(602)) == 2);
  for (const std::int64_t cell : {std::int64_t{0}, grant.slice.cell - 200, grant.slice.cell + 200, INT64_MAX}) {
    budget.decide({.returns = {{.slice = {.era = 0, .cell = cell}, .unused = 1}}}, 10, at_ms(603));
    CHECK(budget.counted(at_ms(604)) == 2);
  }
  budget.decide({.returns = {{.slice = grant.slice, .unused = -3}}}, 10, at_ms(605));
  budget.decide({.returns = {used(grant.slice, -3, 0)}}, 10, at_ms(606));
  CHECK(budget.counted(at_ms(607)) == 2);
}

TEST_CASE("a use told after its lease ended counts no longer than the lease allowed") {
  RateBudget budget;
  const RateGrant grant = budget.decide({.wanted = 5}, 10, at_ms(0));
  budget.decide({.returns = {used(grant.slice, 5, 0)}}, 10, at_ms(40'000));
  CHECK(budget.counted(at_ms(69'999)) == 5);
  CHECK(budget.counted(at_ms(70'000)) == 0);
}

TEST_CASE("more is free when the first requests cease to count, or enough of them after a limit was lowered") {
  RateBudget budget;
  CHECK(budget.decide({.wanted = 2}, 10, at_ms(0)).more_in == milliseconds(60'000));
  CHECK(budget.decide({.wanted = 5}, 10, at_ms(1'000)).more_in == milliseconds(69'000));
  CHECK(budget.decide({.wanted = 5}, 10, at_ms(2'000)).more_in == milliseconds(68'000));
  CHECK(budget.decide({.wanted = 1}, 6, at_ms(3'000)).more_in == milliseconds(68'000));
  CHECK(budget.decide({.wanted = 1}, 2, at_ms(3'000)).more_in == milliseconds(69'000));
  CHECK(budget.decide({.wanted = 1}, 0, at_ms(3'000)).more_in == milliseconds(60'000));
}

TEST_CASE("when the clock is set back time stands still, and beyond two seconds what counts moves along") {
  for (const std::int64_t back_ms : {1, 500, 2'000, 2'001, 3'600'000}) {
    CAPTURE(back_ms);
    RateBudget budget;
    const RateGrant grant = budget.decide({.wanted = 5}, 10, at_ms(250));
    budget.decide({.wanted = 5}, 10, at_ms(250 - back_ms));
    const bool moved = back_ms > RateBudget::setback_max.count();
    CHECK(budget.counted(at_ms(250 - (moved ? back_ms : 0) + 69'999)) == 10);
    CHECK(budget.counted(at_ms(250 - (moved ? back_ms : 0) + 70'500)) == 0);
    // A slice of before the move is not mistaken for one of after it.
    RateBudget other;
    other.decide({.wanted = 5}, 10, at_ms(250));
    other.decide({.wanted = 5}, 10, at_ms(250 - back_ms));
    other.decide({.returns = {{.slice = grant.slice, .unused = 5}}}, 10, at_ms(251 - back_ms));
    CHECK(other.counted(at_ms(252 - back_ms)) == (moved ? 10 : 5));
  }
}

TEST_CASE("a budget reads back as it was written, and its row is bounded") {
  SeededRandom random(1);
  RateBudget budget;
  std::size_t longest = 0;
  for (std::int64_t now_ms = 0; now_ms < 300'000; now_ms += static_cast<std::int64_t>(random.below(400))) {
    RateAsk ask{.wanted = static_cast<std::int64_t>(random.below(1'000'000))};
    const RateGrant grant = budget.decide(ask, 1'000'000'000, at_ms(now_ms));
    budget.decide({.returns = {used(grant.slice, grant.granted / 2, static_cast<std::int64_t>(random.below(9'000)))}},
                  1'000'000'000, at_ms(now_ms));
    const std::string bytes = budget.encode();
    longest = std::max(longest, bytes.size());
    REQUIRE(RateBudget::decode(bytes) == budget);
  }
  CHECK(longest > 500);
  CHECK(longest <= RateBudget::bytes_max);
  CHECK(RateBudget::decode(RateBudget().encode()) == RateBudget());
}

TEST_CASE("what no budget writes is not read") {
  RateBudget budget;
  budget.decide({.wanted = 300}, 1000, at_ms(0));
  const std::string bytes = budget.encode();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    const auto cut = RateBudget::decode(bytes.substr(0, size));
    CHECK((!cut || *cut != budget));
  }
  for (const std::string& wrong : {bytes + '\x01', bytes + std::string(2, '\0'), std::string(), std::string("\xFF"),
                                   std::string("\x80\x00\x00", 3), std::string("\x00\x00\x00\x00", 4),
                                   std::string("\x00\x00\xFF\x01\x01", 5), std::string(20, '\xFF')}) {
    CAPTURE(encode_hex(as_bytes(wrong)));
    CHECK_FALSE(RateBudget::decode(wrong));
  }
}

}  // namespace
}  // namespace cadastre

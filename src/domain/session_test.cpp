// When a session ends: by age, by idleness, and never before what was promised.
#include "domain/session.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

constexpr Instant noon = instant_from_s(1'800'000'000);

Instant after(std::int64_t s) { return noon + std::chrono::seconds(s); }

TEST_CASE("a session has the limits that were asked for, or the usual ones, and none beyond its token") {
  struct Row {
    std::string_view name;
    std::optional<std::int64_t> idle_s, lifetime_s;
    std::int64_t token_s;  // what is left of the token
    std::string_view refused;
    std::int64_t idle_wanted, life_wanted;
  };
  const Row rows[] = {
      {"nothing asked for", {}, {}, 100'000, "", 900, 28'800},
      {"a token that ends sooner ends it", {}, {}, 3600, "", 900, 3600},
      {"both", 60, 600, 100'000, "", 60, 600},
      {"a short life needs no longer idleness", {}, 100, 100'000, "", 100, 100},
      {"the least", 10, 10, 100'000, "", 10, 10},
      {"the most", 86'400, 86'400, 100'000, "", 86'400, 86'400},
      {"to the token's very end", {}, 3600, 3600, "", 900, 3600},
      {"a second longer than the token", {}, 3601, 3600, "lifetime_seconds", 0, 0},
      {"too short a life", {}, 9, 3600, "lifetime_seconds", 0, 0},
      {"too long a life", {}, 86'401, 100'000, "lifetime_seconds", 0, 0},
      {"too short idleness", 9, {}, 3600, "idle_timeout_seconds", 0, 0},
      {"idle for longer than it lives", 601, 600, 3600, "idle_timeout_seconds", 0, 0},
      {"below nothing", -1, {}, 3600, "idle_timeout_seconds", 0, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto times = session_times(row.idle_s, row.lifetime_s, noon, after(row.token_s));
    CHECK((times ? "" : times.error().subject) == row.refused);
    if (!times) continue;
    CHECK(times->idle_s == row.idle_wanted);
    CHECK(times->expires_at == after(row.life_wanted));
  }
  CHECK(session_times({}, 3601, noon, after(3600)).error().code == Code::expires_after_parent);
}

TEST_CASE("a session ends by age or by idleness, and its uses are noted in time") {
  struct Row {
    std::string_view name;
    std::int64_t idle_s, seen_s, expires_s;
    std::string_view how;
    std::int64_t ends_s, note_due_s, swept_s;
  };
  const Row rows[] = {
      {"a quarter of an hour: notes once a minute", 900, 0, 28'800, "idle", 960, 60, 1080},
      {"used later", 900, 5000, 28'800, "idle", 5960, 5060, 6080},
      {"five minutes: notes every 30 s", 300, 0, 28'800, "idle", 330, 30, 450},
      {"the shortest: notes every second", 10, 0, 28'800, "idle", 11, 1, 131},
      {"its life is over first", 900, 28'000, 28'800, "expired", 28'800, 28'060, 28'800},
      {"at the same moment", 900, 0, 960, "expired", 960, 60, 960},
      {"without an idle limit", 0, 0, 28'800, "expired", 28'800, -1, 28'800},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Session session{.tenant = TenantId::platform(),
                          .seen_at = after(row.seen_s),
                          .expires_at = after(row.expires_s),
                          .idle_s = row.idle_s};
    CHECK(name_of(ending_of(session).how) == row.how);
    CHECK(ending_of(session).at == after(row.ends_s));
    CHECK(!has_ended(session, after(row.ends_s) - std::chrono::milliseconds(1)));
    CHECK(has_ended(session, after(row.ends_s)));
    CHECK(sweep_time(session) == after(row.swept_s));
    if (row.note_due_s < 0) {
      CHECK(!is_note_due(session, after(row.ends_s)));
    } else {
      CHECK(!is_note_due(session, after(row.note_due_s) - std::chrono::milliseconds(1)));
      CHECK(is_note_due(session, after(row.note_due_s)));
    }
  }
}

TEST_CASE("whoever uses a session within its idle limit never finds it ended, though not every use is noted") {
  for (const std::int64_t idle_s : {10, 60, 900, 86'400}) {
    CAPTURE(idle_s);
    Session session{.tenant = TenantId::platform(),
                    .seen_at = noon,
                    .expires_at = noon + std::chrono::hours(10'000),
                    .idle_s = idle_s};
    Instant now = noon;
    for (int use = 0; use < 1000; ++use) {
      // Now soon, now as late as the limit allows.
      now += use % 3 == 0 ? std::chrono::milliseconds(idle_s * 1000) : std::chrono::milliseconds(idle_s * 37);
      CHECK(!has_ended(session, now));
      if (is_note_due(session, now)) session.seen_at = now;
    }
    CHECK(has_ended(session, now + std::chrono::seconds(idle_s) + note_interval(session)));
  }
}

}  // namespace
}  // namespace cadastre

// Instants and durations as text.
#include "base/time.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

TEST_CASE("an instant reads back as what it was written") {
  struct Row {
    std::int64_t ms;
    std::string_view text;
  };
  const Row rows[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {1, "1970-01-01T00:00:00.001Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {951'782'399'999, "2000-02-28T23:59:59.999Z"},
      {951'825'600'000, "2000-02-29T12:00:00.000Z"},
      {1'800'000'000'123, "2027-01-15T08:00:00.123Z"},
      {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(format_rfc3339(instant_from_ms(row.ms)) == row.text);
    CHECK(parse_rfc3339(row.text) == instant_from_ms(row.ms));
  }
}

TEST_CASE("RFC 3339 is read with any fraction and offset, or as a bare date") {
  struct Row {
    std::string_view text, same;
  };
  const Row rows[] = {
      {"2026-11-23", "2026-11-23T00:00:00.000Z"},
      {"2026-11-23T20:05:17Z", "2026-11-23T20:05:17.000Z"},
      {"2026-11-23t20:05:17.5z", "2026-11-23T20:05:17.500Z"},
      {"2026-11-23T20:05:17.123999Z", "2026-11-23T20:05:17.123Z"},
      {"2026-11-23T20:05:17+01:30", "2026-11-23T18:35:17.000Z"},
      {"2026-11-23T20:05:17.000-23:59", "2026-11-24T20:04:17.000Z"},
      {"2026-11-23T23:59:60Z", "2026-11-24T00:00:00.000Z"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    REQUIRE(parse_rfc3339(row.text).has_value());
    CHECK(format_rfc3339(*parse_rfc3339(row.text)) == row.same);
  }
}

TEST_CASE("what is not an RFC 3339 time is refused") {
  const char* const rows[] = {"",
                              "2026",
                              "2026-1-23",
                              "2026-13-01",
                              "2026-02-29",
                              "2026-00-10",
                              "2026-11-23T",
                              "2026-11-23T20:05Z",
                              "2026-11-23T20:05:17",
                              "2026-11-23 20:05:17Z",
                              "2026-11-23T24:00:00Z",
                              "2026-11-23T20:60:00Z",
                              "2026-11-23T20:05:61Z",
                              "2026-11-23T20:05:17.Z",
                              "2026-11-23T20:05:17Zx",
                              "2026-11-23T20:05:17+24:00",
                              "2026-11-23T20:05:17+0100",
                              "2026-11-23T20:05:17+01:60",
                              "2026-11-23T-1:05:17Z",
                              "+026-11-23",
                              "20261123T200517Z"};
  for (const auto* text : rows) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text).has_value());
  }
}

TEST_CASE("a duration has a unit of s, m, h or d, and seconds when it has none") {
  using std::chrono::seconds;
  struct Row {
    std::string_view text;
    std::optional<seconds> duration;
  };
  const Row rows[] = {
      {"1", seconds(1)},        {"90s", seconds(90)},
      {"15m", seconds(900)},    {"24h", seconds(86'400)},
      {"7d", seconds(604'800)}, {"3650d", seconds(315'360'000)},
      {"3651d", std::nullopt},  {"0", std::nullopt},
      {"-5s", std::nullopt},    {"+5s", std::nullopt},
      {"", std::nullopt},       {"h", std::nullopt},
      {"1w", std::nullopt},     {"1.5h", std::nullopt},
      {"1 h", std::nullopt},    {"99999999999999999999", std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(parse_duration(row.text) == row.duration);
  }
}

TEST_CASE("a NumericDate is rounded down") {
  CHECK(s_since_epoch(instant_from_ms(1999)) == 1);
  CHECK(s_since_epoch(instant_from_ms(-1)) == -1);
  CHECK(instant_from_s(2) == instant_from_ms(2000));
}

TEST_CASE("a manual clock moves only when told, and civil time may go back alone") {
  ManualClock clock(instant_from_s(1000));
  const Tick start = clock.tick();
  clock.advance(std::chrono::seconds(2));
  CHECK(clock.now() == instant_from_s(1002));
  clock.set(instant_from_s(5));
  CHECK(clock.now() == instant_from_s(5));
  CHECK(clock.tick() - start == std::chrono::seconds(2));
}

}  // namespace
}  // namespace cadastre

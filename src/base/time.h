// Instants, clocks and their text form.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cadastre {

/// A moment of civil time, in milliseconds since 1970-01-01T00:00:00Z.
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;

/// A moment of a clock that never goes back; only differences have a meaning. For time-outs and rates.
using Tick = std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>;

constexpr Instant instant_from_ms(std::int64_t ms) { return Instant(std::chrono::milliseconds(ms)); }
constexpr std::int64_t ms_since_epoch(Instant at) { return at.time_since_epoch().count(); }
constexpr Instant instant_from_s(std::int64_t s) { return Instant(std::chrono::seconds(s)); }
/// Whole seconds since the epoch, rounded down: a NumericDate (RFC 7519 section 2).
constexpr std::int64_t s_since_epoch(Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

/// RFC 3339 with milliseconds and `Z`: `2026-11-23T20:05:17.123Z`.
std::string format_rfc3339(Instant at);
void append_rfc3339(std::string& out, Instant at);
/// Reads an RFC 3339 date-time with any fraction and offset, or a bare date (midnight UTC). Nothing on other input.
std::optional<Instant> parse_rfc3339(std::string_view text);
/// Reads `90s`, `15m`, `24h`, `7d` or a bare number of seconds; 1 second to 3650 days. Nothing on other input.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

/// The source of time. Two kinds exist: the system's and a manual one for tests and simulations.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual Tick tick() const = 0;
};

/// The machine's clocks (CLOCK_REALTIME and CLOCK_MONOTONIC).
class SystemClock final : public Clock {
 public:
  Instant now() const override;
  Tick tick() const override;
};

/// Measures how long something took, for metrics alone: no decision may hang on it.
class Stopwatch {
 public:
  Stopwatch() : began_(std::chrono::steady_clock::now()) {}
  std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - began_; }

 private:
  std::chrono::steady_clock::time_point began_;
};

/// Stands still until it is moved.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start) : now_(start) {}
  Instant now() const override { return now_; }
  Tick tick() const override { return tick_; }
  void advance(std::chrono::milliseconds by) { now_ += by, tick_ += by; }
  /// Moves civil time alone, back or forth, as an administrator or NTP does.
  void set(Instant at) { now_ = at; }

 private:
  Instant now_;
  Tick tick_{std::chrono::hours(1)};
};

/// Waits. For a program that asks again and again, such as `tail -f`; nothing that serves waits so.
void rest_for(std::chrono::milliseconds duration);

}  // namespace cadastre

#include "domain/session.h"

#include <fmt/format.h>

#include <algorithm>

namespace cadastre {
namespace {

constexpr std::chrono::seconds note_interval_max{60};
constexpr std::chrono::seconds belief_max{120};  // twice what TOKENS.md section 11 keeps a credential for

Result<void> check_bounds(const char* name, std::optional<std::int64_t> seconds, std::int64_t most) {
  if (!seconds || (*seconds >= session_limit_min.count() && *seconds <= most)) return {};
  return refuse_member(name, fmt::format("must be an integer from {} to {}", session_limit_min.count(), most));
}

}  // namespace

Result<SessionTimes> session_times(std::optional<std::int64_t> idle_s, std::optional<std::int64_t> lifetime_s,
                                   Instant now, Instant token_expires_at) {
  TRY(check_bounds("lifetime_seconds", lifetime_s, session_lifetime_max.count()));
  const std::int64_t life_s = lifetime_s.value_or(session_lifetime_default.count());
  TRY(check_bounds("idle_timeout_seconds", idle_s, life_s));
  const Instant end = now + std::chrono::seconds(life_s);
  if (lifetime_s && end > token_expires_at) {
    const std::string latest = format_rfc3339(token_expires_at);
    return std::unexpected(Refusal{Code::expires_after_parent,
                                   "lifetime_seconds",
                                   fmt::format("The token expires at {}; ask for a shorter session.", latest),
                                   {},
                                   {{"/lifetime_seconds", fmt::format("must end by {}", latest)}}});
  }
  return SessionTimes{.expires_at = std::min(end, token_expires_at),
                      .idle_s = idle_s.value_or(std::min(session_idle_default.count(), life_s))};
}

std::string_view name_of(SessionEnd end) { return end == SessionEnd::idle ? "idle" : "expired"; }

std::chrono::seconds note_interval(const Session& session) {
  return std::clamp(std::chrono::seconds(session.idle_s / 10), std::chrono::seconds(1), note_interval_max);
}

SessionEnding ending_of(const Session& session) {
  const Instant idle_at = session.seen_at + std::chrono::seconds(session.idle_s) + note_interval(session);
  if (session.idle_s > 0 && idle_at < session.expires_at) return {.how = SessionEnd::idle, .at = idle_at};
  return {.how = SessionEnd::expired, .at = session.expires_at};
}

bool has_ended(const Session& session, Instant now) { return now >= ending_of(session).at; }

bool is_note_due(const Session& session, Instant now) {
  return session.idle_s > 0 && now >= session.seen_at + note_interval(session);
}

Instant sweep_time(const Session& session) {
  const SessionEnding ending = ending_of(session);
  return ending.how == SessionEnd::idle ? ending.at + belief_max : ending.at;
}

}  // namespace cadastre

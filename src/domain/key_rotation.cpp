#include "domain/key_rotation.h"

#include <fmt/format.h>

#include <algorithm>

namespace cadastre {
namespace {

/// An issue that had begun when the key retired ends within this.
constexpr std::chrono::minutes last_issue_margin{5};

bool is_published_long_enough(const SigningKey& next, Instant now) {
  return now >= next.created_at + published_for_min;
}

}  // namespace

const SigningKey* find_key(const std::vector<SigningKey>& keys, std::string_view kid) {
  const auto found = std::ranges::find(keys, kid, &SigningKey::kid);
  return found == keys.end() ? nullptr : &*found;
}

const SigningKey* find_key(const std::vector<SigningKey>& keys, SigningKeyState state) {
  const auto found = std::ranges::find(keys, state, &SigningKey::state);
  return found == keys.end() ? nullptr : &*found;
}

RotationStep step_by_age(const std::vector<SigningKey>& keys, Instant now, std::chrono::days period) {
  const SigningKey* const active = find_key(keys, SigningKeyState::active);
  if (period == std::chrono::days(0) || active == nullptr) return RotationStep::none;
  const Instant end = active->activated_at.value_or(active->created_at) + period;
  const SigningKey* const next = find_key(keys, SigningKeyState::next);
  if (next == nullptr) return now >= end - published_for_min ? RotationStep::publish : RotationStep::none;
  return now >= end && is_published_long_enough(*next, now) ? RotationStep::activate : RotationStep::none;
}

Result<RotationStep> step_by_command(const std::vector<SigningKey>& keys, Instant now, Patience patience) {
  if (patience == Patience::at_once) return RotationStep::activate;
  const SigningKey* const next = find_key(keys, SigningKeyState::next);
  if (next == nullptr) return RotationStep::publish;
  if (is_published_long_enough(*next, now)) return RotationStep::activate;
  return refuse(Code::conflict, "kid",
                fmt::format("the next key, {}, may sign from {} on, when everybody has read it; --now does not wait",
                            next->kid, format_rfc3339(next->created_at + published_for_min)));
}

SigningKey activated(SigningKey key, Instant now) {
  key.state = SigningKeyState::active;
  key.activated_at = now;
  return key;
}

SigningKey retired(SigningKey key, Instant now, std::chrono::seconds longest_life) {
  key.state = SigningKeyState::retired;
  key.retired_at = now;
  key.last_expiry = now + longest_life + last_issue_margin;
  return key;
}

SigningKey revoked(SigningKey key, Instant now) {
  key.state = SigningKeyState::revoked;
  key.revoked_at = now;
  return key;
}

bool is_over(const SigningKey& key, Instant now) {
  return key.state == SigningKeyState::retired && now >= key.last_expiry;
}

}  // namespace cadastre

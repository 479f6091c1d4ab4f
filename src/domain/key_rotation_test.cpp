#include "domain/key_rotation.h"

#include <doctest/doctest.h>

using namespace cadastre;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{std::chrono::days(20'000)};

SigningKey key_of(const char* kid, SigningKeyState state, Instant created_at) {
  SigningKey key{.kid = kid, .state = state, .created_at = created_at};
  if (state == SigningKeyState::active) key.activated_at = created_at;
  return key;
}

}  // namespace

TEST_CASE("by age the next key is published a day before the active one's time ends, and signs when both have passed") {
  struct Row {
    std::chrono::hours active_for;
    std::optional<std::chrono::hours> next_for;
    std::chrono::days period;
    RotationStep step;
  };
  const Row rows[] = {
      {0h, std::nullopt, std::chrono::days(30), RotationStep::none},
      {29 * 24h - 1h, std::nullopt, std::chrono::days(30), RotationStep::none},
      {29 * 24h, std::nullopt, std::chrono::days(30), RotationStep::publish},
      {300 * 24h, std::nullopt, std::chrono::days(30), RotationStep::publish},
      {300 * 24h, std::nullopt, std::chrono::days(0), RotationStep::none},
      {30 * 24h - 1h, 48h, std::chrono::days(30), RotationStep::none},
      {30 * 24h, 23h, std::chrono::days(30), RotationStep::none},
      {30 * 24h, 24h, std::chrono::days(30), RotationStep::activate},
      {30 * 24h, 24h, std::chrono::days(0), RotationStep::none},
      {1h, 0h, std::chrono::days(1), RotationStep::none},
      {24h, 24h, std::chrono::days(1), RotationStep::activate},
  };
  for (const Row& row : rows) {
    CAPTURE(row.active_for.count());
    const Instant now = start + row.active_for;
    std::vector<SigningKey> keys{key_of("active", SigningKeyState::active, start)};
    if (row.next_for) keys.push_back(key_of("next", SigningKeyState::next, now - *row.next_for));
    CHECK(step_by_age(keys, now, row.period) == row.step);
  }
  CHECK(step_by_age({}, start, std::chrono::days(30)) == RotationStep::none);
}

TEST_CASE("by command a key is published first and signs a day later, or at once") {
  std::vector<SigningKey> keys{key_of("active", SigningKeyState::active, start)};
  CHECK(*step_by_command(keys, start, Patience::waits) == RotationStep::publish);
  CHECK(*step_by_command(keys, start, Patience::at_once) == RotationStep::activate);
  keys.push_back(key_of("next", SigningKeyState::next, start));
  const auto young = step_by_command(keys, start + 24h - 1ms, Patience::waits);
  REQUIRE_FALSE(young);
  CHECK(young.error().code == Code::conflict);
  CHECK(young.error().detail.find("2024-10-05T00:00:00.000Z") != std::string::npos);
  CHECK(*step_by_command(keys, start + 1h, Patience::at_once) == RotationStep::activate);
  CHECK(*step_by_command(keys, start + 24h, Patience::waits) == RotationStep::activate);
}

TEST_CASE("a retired key verifies until the last it can have signed has expired; a revoked one is no such key") {
  const SigningKey active = activated(key_of("kid", SigningKeyState::next, start), start + 1h);
  CHECK(active.activated_at == start + 1h);
  const SigningKey old = retired(active, start + 2h, 90 * 24h);
  CHECK_FALSE(is_over(old, start + 2h + 90 * 24h));
  CHECK(is_over(old, start + 3h + 90 * 24h));
  CHECK_FALSE(is_over(active, start + 10'000h));
  const SigningKey bad = revoked(old, start + 3h);
  CHECK(bad.revoked_at == start + 3h);
  CHECK_FALSE(is_over(bad, start + 10'000h));
  CHECK(find_key({active, bad}, SigningKeyState::active)->activated_at == start + 1h);
  CHECK(find_key({active}, "other") == nullptr);
}

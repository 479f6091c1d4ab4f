// When an issuer key changes its state: next, active, retired, gone, or revoked at once (TOKENS.md section 12).
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "domain/signing_key.h"

namespace cadastre {

/// For everybody who verifies offline to have read it.
constexpr std::chrono::hours published_for_min{24};

/// The key of that kid, or of that state, which one has at most: next or active. Null when there is none.
const SigningKey* find_key(const std::vector<SigningKey>& keys, std::string_view kid);
const SigningKey* find_key(const std::vector<SigningKey>& keys, SigningKeyState state);

/// What is to be done with the keys.
enum class RotationStep {
  none,
  publish,   ///< A fresh key becomes next.
  activate,  ///< The next key, or a fresh one when there is none, becomes active; the active one retires.
};

/// Whether a rotation waits until its key has been published for long enough.
enum class Patience { waits, at_once };

/// What age asks for: the next key a day before the period ends, and its turn at the end. A period of 0 asks for
/// nothing.
RotationStep step_by_age(const std::vector<SigningKey>& keys, Instant now, std::chrono::days period);

/// What somebody who says "rotate" asks for. Refuses with `conflict` while the next key is too young.
Result<RotationStep> step_by_command(const std::vector<SigningKey>& keys, Instant now, Patience patience);

/// The states of one key that follow. `longest_life` is that of a token: when it has passed, so has all the key signed.
SigningKey activated(SigningKey key, Instant now);
SigningKey retired(SigningKey key, Instant now, std::chrono::seconds longest_life);
SigningKey revoked(SigningKey key, Instant now);

/// Whether a retired key has nothing left to verify.
bool is_over(const SigningKey& key, Instant now);

}  // namespace cadastre

// An issuer key in the register: what everybody may know of it, and what may be done with it now.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/time.h"

namespace cadastre {

/// Next: published, signs nothing yet. Active: signs. Retired: what it signed is good until it expires. Revoked:
/// nothing it signed is good. Gone: retired, and the last it signed has expired (TOKENS.md section 12).
enum class SigningKeyState { next, active, retired, revoked, gone };

/// Belongs to the platform's namespace. The private key is never kept here.
struct SigningKey {
  std::string kid;  ///< RFC 7638 thumbprint, as tokens name it.
  Bytes<32> key{};  ///< The public key (RFC 8032).
  SigningKeyState state = SigningKeyState::next;
  Instant created_at;
  std::optional<Instant> activated_at;
  std::optional<Instant> retired_at;
  std::optional<Instant> revoked_at;
  Instant last_expiry;  ///< The latest `exp` it signed; 1970 when none.
};

}  // namespace cadastre

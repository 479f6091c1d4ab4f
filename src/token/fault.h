// Why a credential is refused.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace cadastre {

/// What a refusal means to the one who answers it (TOKENS.md section 13).
enum class FaultKind {
  token,               ///< Missing, malformed, forged, out of time, revoked: 401.
  proof,               ///< The DPoP proof is missing or does not hold: 401.
  tenant_suspended,    ///< Good, but its tenant may change nothing now.
  tenant_mismatch,     ///< Good, but for another tenant: 403.
  insufficient_scope,  ///< Good, but too small: 403.
  caveat_denied,       ///< Good, but a caveat excludes this request: 403.
  unavailable,         ///< What the answer depends on cannot be asked: 503, nothing was granted.
};

/// A refused credential. `reason` is one of TOKENS.md section 16, such as `expired` or `unknown_claim:admin`; it is
/// printable ASCII without quotes, so it may stand in a header.
struct TokenFault {
  FaultKind kind = FaultKind::token;
  std::string reason;
  friend bool operator==(const TokenFault&, const TokenFault&) = default;
};

template <class T>
struct [[nodiscard]] Checked : std::expected<T, TokenFault> {
  using std::expected<T, TokenFault>::expected;
};

inline std::unexpected<TokenFault> fault(std::string reason) {
  return std::unexpected(TokenFault{FaultKind::token, std::move(reason)});
}
inline std::unexpected<TokenFault> fault(FaultKind kind, std::string reason) {
  return std::unexpected(TokenFault{kind, std::move(reason)});
}
/// `word:name`. The name comes from outside: what is not a plain word in it is replaced, and it is cut at 32
/// characters.
std::unexpected<TokenFault> fault_about(std::string_view word, std::string_view name);

}  // namespace cadastre

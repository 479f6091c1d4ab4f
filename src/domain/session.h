// A session: a token presented once, and then an opaque secret in its place.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "domain/issued_token.h"

namespace cadastre {

using SessionId = Bytes<16>;

/// Allows what its token allowed, and ends with it. Neither the secret nor the token is kept.
struct Session {
  TenantId tenant;  ///< TenantId::platform() for a platform administrator's.
  SessionId id{};
  Bytes<32> secret_hash{};  ///< SHA-256.
  Bytes<32> csrf_hash{};    ///< SHA-256; all zero when it is not a browser's.
  std::string token_id;     ///< `jti` of the token it was opened with.
  Bytes<32> subject_key{};
  std::string scope;
  std::string label;               ///< Free text, for lists; may be empty.
  std::string grant;               ///< What its token allowed, as the service encodes it.
  std::vector<RevocationId> rids;  ///< Of the token's elements and ancestors: any of them revoked ends it.
  std::vector<Bytes<32>> keys;     ///< Thumbprints of the subject keys (RFC 7638): any of them revoked ends it.
  std::int64_t generation = 1;     ///< Of the token (TOKENS.md section 4, `gen`).
  Instant opened_at;
  Instant seen_at;  ///< When it was last used, roughly.
  Instant expires_at;
  std::int64_t idle_s = 0;  ///< Ends when it was not used for so long; 0: only at `expires_at`.
  std::string peer;         ///< The address from which it was opened.
  bool is_browser = false;
};

}  // namespace cadastre

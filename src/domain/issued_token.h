// What the register keeps of a token it issued or saw: everything but the token itself (TOKENS.md section 15).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "domain/tenant_id.h"

namespace cadastre {

/// The 16 random bytes of `jti`; 22 characters of base64url as text.
using TokenId = Bytes<16>;
/// The revocation id of TOKENS.md section 2: SHA-256 of the JWS signing input.
using RevocationId = Bytes<32>;

struct IssuedToken {
  TenantId tenant;  ///< TenantId::platform() for a platform administrator's.
  TokenId id{};
  RevocationId rid{};
  std::string scope;
  Bytes<32> subject_key{};
  std::string kid;  ///< The issuer key that signed it.
  std::string audience;
  std::string issuer;
  std::string label;  ///< Free text of the issuer, at most 100 characters; may be empty.
  std::int64_t generation = 1;
  std::int64_t delegable_depth = 0;
  bool requires_pop = false;
  std::string caveats;  ///< The canonical JSON array of `cav`, or empty.
  std::vector<RevocationId> ancestors;
  Instant issued_at;      ///< Whole seconds.
  Instant not_before;     ///< Whole seconds.
  Instant expires_at;     ///< Whole seconds.
  std::string issued_by;  ///< The id of the token under which it was issued; empty for a local command.
  std::optional<Instant> revoked_at;
  std::string revoked_by;
  std::optional<RevocationId> parent;  ///< Of the last element of the credential under which it was issued.
  std::optional<Instant> first_seen;
  std::optional<Instant> last_seen;  ///< Roughly: the store is told now and then.
  std::string device = {};           ///< Whose it is (`dev`); empty when it is not a device's.
};

/// A link that a holder made offline (TOKENS.md section 4), kept from its first accepted use on.
struct SeenLink {
  TenantId tenant;
  RevocationId rid{};
  std::string id;         ///< Its `jti`, which is not always 16 bytes.
  RevocationId parent{};  ///< The element it hangs below.
  RevocationId root{};    ///< The token at the head of its chain.
  std::string scope;
  Bytes<32> subject_key{};
  std::string caveats;     ///< The canonical JSON array of its own `cav`, or empty.
  std::int64_t depth = 1;  ///< Its position in the chain, from 1.
  Instant issued_at;       ///< Whole seconds.
  Instant not_before;      ///< Whole seconds.
  Instant expires_at;      ///< Whole seconds.
  Instant first_seen;
  Instant last_seen;  ///< Roughly: the store is told now and then.
};

/// The version of the record: it changes once, when the token is revoked.
inline std::int64_t revision_of(const IssuedToken& token) { return token.revoked_at ? 2 : 1; }

enum class RevocationKind { token, key, generation };

/// One revoked token or subject key of one namespace. `expires_at` bounds how long it must be remembered.
struct Revocation {
  TenantId tenant;
  RevocationKind kind = RevocationKind::token;
  Bytes<32> id{};  ///< A token's rid, or the SHA-256 thumbprint of a key (RFC 7638).
  Instant revoked_at;
  Instant expires_at;    ///< The token's expiry plus 300 s (TOKENS.md section 8).
  std::int64_t seq = 0;  ///< Its place among its namespace's, from 1 on without a gap: the store's affair.
};

}  // namespace cadastre

// The claims of an element of a token (TOKENS.md section 4): written when a token is minted, read when it is verified.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crypto/ed25519.h"
#include "domain/issued_token.h"
#include "domain/scope.h"
#include "token/caveat.h"
#include "token/fault.h"
#include "token/jws.h"

namespace cadastre {

/// What a token to be minted says.
struct Claims {
  std::string issuer;
  std::string audience;
  TenantId tenant;  ///< TenantId::platform() for a platform administrator's, which then has no `tid`.
  TokenId id{};
  Scope scope;
  PublicKey subject{};
  std::int64_t generation = 1;
  std::int64_t issued_at_s = 0;
  std::int64_t not_before_s = 0;  ///< Written only when it differs from `issued_at_s`, which is its default.
  std::int64_t expires_at_s = 0;
  std::int64_t delegable_depth = 0;
  bool requires_pop = false;
  std::string caveats = {};  ///< The canonical text of `cav`, as `admit_caveats` gives it, or empty.
  std::vector<RevocationId> ancestors = {};
  std::string device = {};  ///< Empty when the token is not a device's.
};

constexpr std::size_t ancestors_max = 8;
constexpr std::int64_t delegable_depth_max = 8;

/// The payload: RFC 8785 canonical JSON.
std::string encode_claims(const Claims& claims);

struct MintedToken {
  std::string text;
  RevocationId rid{};
};

/// The signed token; the same claims and key give the same text. Refuses claims whose payload or element would pass the
/// limits of TOKENS.md section 7, naming `caveats`, the only part that can be too long.
Result<MintedToken> mint(const Claims& claims, const PrivateKey& issuer,
                         AlgorithmName algorithm = AlgorithmName::eddsa);

/// What a link to be minted says (TOKENS.md section 4). What is nothing is inherited from the parent.
struct LinkClaims {
  RevocationId parent{};   ///< The `rid` of the element that it hangs below.
  std::int64_t depth = 1;  ///< Its place in the chain: 1 below the root.
  TokenId id{};            ///< Drawn.
  Scope scope;
  PublicKey subject{};             ///< The next holder's key.
  std::optional<TenantId> tenant;  ///< Only to narrow a token for all tenants to one.
  std::int64_t issued_at_s = 0;
  std::optional<std::int64_t> not_before_s;
  std::int64_t expires_at_s = 0;
  std::optional<std::int64_t> delegable_depth;  ///< The deepest link that may follow; nothing: none.
  bool requires_pop = false;
  std::string caveats = {};  ///< As in `Claims`.
};

/// The payload of a link that the holder of `parent_key` signs: RFC 8785 canonical JSON.
std::string encode_link_claims(const LinkClaims& link, const PublicKey& parent_key);

/// The signed link, to be joined to its chain by `~`. Refuses what `mint` refuses. Whether the link narrows its chain
/// is for `verify_token` or `read_chain` to say, once they are joined.
Result<MintedToken> mint_link(const LinkClaims& link, const PrivateKey& holder,
                              AlgorithmName algorithm = AlgorithmName::eddsa);

/// The claims of one received element, each of the right type and in its range. What is absent is empty or nothing.
struct ReceivedClaims {
  std::string issuer;
  std::string audience;
  std::string subject;
  std::string parent_hash;
  std::string scope;
  std::string id;
  std::string device;
  std::optional<std::string> tenant;
  std::int64_t issued_at_s = 0;
  std::int64_t expires_at_s = 0;
  std::optional<std::int64_t> not_before_s;
  std::int64_t generation = 0;
  std::int64_t depth = 0;
  std::optional<std::int64_t> delegable_depth;
  bool requires_pop = false;
  std::vector<RevocationId> ancestors;
  json::Value confirmation;            ///< `cnf`, an object.
  std::optional<json::Value> caveats;  ///< `cav`, an array.
};

/// Reads the payload of a capability or of a link. Refuses with `malformed_json`, `duplicate_member`,
/// `claim_missing:x`, `claim_type:x` or `unknown_claim:x`.
Checked<ReceivedClaims> decode_claims(std::string_view payload, ObjectKind kind);

/// A `jti`: base64url of 16 random bytes, or of up to `bytes_max` where others than the issuer choose it.
bool is_jti(std::string_view text, std::size_t bytes_max);
constexpr std::size_t chosen_jti_bytes_max = 32;  // of links and proofs

/// A NumericDate: an integer literal from 0 to 2^53 - 1 without a sign (TOKENS.md section 2).
std::optional<std::int64_t> numeric_date(const json::Value& value);

}  // namespace cadastre

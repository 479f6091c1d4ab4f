// The strict verifier of TOKENS.md section 16: from a credential to what it allows, or the reason why not.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "domain/scope.h"
#include "domain/tenant_id.h"
#include "token/admitted_keys.h"
#include "token/caveat.h"
#include "token/claims.h"
#include "token/fault.h"
#include "token/issuer_keys.h"
#include "token/use.h"

namespace cadastre {

constexpr std::size_t credential_bytes_max = 6144;

/// What a verifier demands of every token.
struct VerifierRules {
  std::string issuer;    ///< `iss`, byte for byte.
  std::string audience;  ///< `aud`: this, or this followed by `/` and the service's name.
  std::string service;   ///< The name of the service that verifies; may be empty.
  std::chrono::seconds lifetime_max{std::chrono::days(90)};
  std::size_t links_max = 0;  ///< How many offline links a credential may have; 0 refuses every `~`.
  std::vector<std::string> delegable_services{"service:vm-host", "service:console"};
};

enum class AuthorizationScheme { bearer, dpop };

/// What came in the header fields. The views live as long as the request.
struct Presented {
  AuthorizationScheme scheme = AuthorizationScheme::bearer;
  std::string_view credential;
  std::optional<std::string_view> proof;  ///< The `DPoP` field.
};

/// Step 1, from all `Authorization` and all `DPoP` fields of a request. Refuses with `missing_credentials`,
/// `multiple_credentials`, `unsupported_scheme` or `token_too_large`.
Checked<Presented> decode_authorization(std::span<const std::string_view> authorization,
                                        std::span<const std::string_view> proofs);

/// Step 2: the elements between the tildes, root first; they point into the text. Refuses with `token_too_large`,
/// `malformed_chain` when one is empty, or `too_many_links`.
Checked<std::vector<std::string_view>> split_chain(std::string_view credential, std::size_t links_max);

/// What an offline link says, with what it inherits of its validity.
struct VerifiedLink {
  std::string id;  ///< `jti`.
  Scope scope;
  PublicKey holder{};
  std::int64_t issued_at_s = 0;
  std::int64_t not_before_s = 0;
  std::int64_t expires_at_s = 0;
};

/// A credential whose signatures and claims hold, at some instant. It may be kept and used again (TOKENS.md section
/// 11): everything that can change afterwards is asked by `check_state`, `check_proof` and `check_use`.
struct VerifiedToken {
  std::string id;                  ///< `jti` of the last element.
  TenantId home;                   ///< Whose generation counts: the root's tenant, or the platform.
  std::optional<TenantId> tenant;  ///< The one tenant it is for; nothing when it is for all.
  Scope scope;
  PublicKey holder{};                        ///< The key of the last element.
  std::vector<RevocationId> rids = {};       ///< Of every element, root first, then of the root's ancestors.
  std::size_t elements = 1;                  ///< How many of `rids` are this chain's own.
  std::vector<Digest> key_thumbprints = {};  ///< Of every element's key, root first.
  std::string kid;
  std::string audience;  ///< `aud` of the root.
  std::string device;    ///< Empty when the token is not a device's.
  std::int64_t generation = 0;
  std::int64_t issued_at_s = 0;   ///< The latest of the elements.
  std::int64_t not_before_s = 0;  ///< The latest of the elements.
  std::int64_t expires_at_s = 0;  ///< The earliest of the elements.
  std::int64_t root_expires_at_s = 0;
  std::int64_t delegable_depth = 0;
  bool requires_pop = false;
  std::vector<Caveat> caveats = {};      ///< Of all elements; every one must hold.
  std::vector<VerifiedLink> links = {};  ///< Of the elements below the root, in their order.

  const Digest& holder_thumbprint() const { return key_thumbprints.back(); }
  const RevocationId& rid() const { return rids[elements - 1]; }
  /// Its own rid, then of what is above it in the chain, then of the root's ancestors.
  std::vector<RevocationId> rids_upwards() const;
};

/// Steps 2 and 4 to 10. `admitted` only saves time.
Checked<VerifiedToken> verify_token(std::string_view credential, const VerifierRules& rules, const IssuerKeys& keys,
                                    AdmittedKeys& admitted, Instant now);

/// What a chain says of itself. It grants nothing: whoever wrote it down may have made up its root.
struct ClaimedToken {
  VerifiedToken says;  ///< As if the root were an issuer's.
};

/// The same but for what only the issuer and its service can tell: the root's signature, `iss` and `aud`. For those who
/// narrow a token offline and cannot ask; of `rules`, the issuer, audience and service are not looked at.
Checked<ClaimedToken> read_chain(std::string_view credential, const VerifierRules& rules, AdmittedKeys& admitted,
                                 Instant now);
/// The same but for the times: what a credential is, whether it holds now or not.
Checked<VerifiedToken> identify_token(std::string_view credential, const VerifierRules& rules, const IssuerKeys& keys,
                                      AdmittedKeys& admitted);

enum class TenantStanding { active, suspended, unknown };
enum class Access { read, change };

/// What the register knows of a token at this moment. Revocations are looked up for every one of `rids` and
/// `key_thumbprints` and of the ancestors' keys that are known, in the namespace `home`, in `tenant`, and, when the
/// root has ancestors, in the platform's.
struct TokenState {
  bool is_known = true;  ///< False when revocations cannot be asked or are older than allowed.
  TenantStanding tenant = TenantStanding::active;  ///< Of `tenant`; `active` when the token names none.
  std::int64_t generation = 1;                     ///< The current one of `home`.
  bool has_device = false;                         ///< Whether the device named in the token exists in its tenant.
  bool is_revoked = false;                         ///< Some rid is.
  bool is_key_revoked = false;                     ///< Some key is.
};

/// Step 11, always, after a cache hit too. A suspended tenant may read.
Checked<void> check_state(const VerifiedToken& token, const TokenState& state, const IssuerKeys& keys, Access access,
                          Instant now);

/// Step 13. Refuses with `tenant_mismatch`, `insufficient_scope` or `caveat_denied:x`.
Checked<void> check_use(const VerifiedToken& token, const TokenUse& use);

}  // namespace cadastre

// Who asks, as the verified token says.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/event.h"
#include "domain/issued_token.h"
#include "domain/scope.h"
#include "service/ports.h"
#include "token/caveat_limit.h"

namespace cadastre {

/// The session that a caller came with, in place of the token that it was opened with.
struct CallerSession {
  SessionId id{};
  RevocationId rid{};  ///< What records its end before its time, in the caller's `tenant`.
  Instant expires_at;
};

struct Caller {
  TenantId tenant;  ///< Whom it acts for; TenantId::platform() when the token is a platform administrator's.
  TenantId home;    ///< Whose generation counts: the platform's too when a link narrowed such a token to `tenant`.
  Scope scope;
  std::string token_id;            ///< `jti`; of a link its rid, since a link's `jti` is its maker's choice.
  std::vector<RevocationId> rids;  ///< Its own, of what is above it in the chain, of the root's ancestors; all count.
  std::size_t elements = 1;        ///< How many of `rids` are of the chain; the others are ancestors.
  Bytes<32> subject_key{};
  std::vector<Bytes<32>> key_thumbprints;  ///< Of the keys of all those, as far as they are known; its own first.
  std::int64_t generation = 1;
  Instant expires_at;
  Instant root_expires_at = {};  ///< Of the chain's first element, so no earlier than of any.
  std::vector<Caveat> caveats;   ///< What it is bound by, and whatever is issued under it.
  std::string audience;          ///< `aud`.
  bool requires_pop = false;
  std::string device = {};  ///< Whose token it is; empty when it is not a device's.
  std::string request_id;
  /// What its `quota`, `rpm` and `uses` caveats are charged to. Nothing: not known, so whatever they limit is refused.
  std::optional<std::vector<CaveatLimit>> limits = {};
  std::vector<SeenLink> links = {};  ///< Its offline links, root first, as they are kept; when they were seen is open.
  std::string kid = {};              ///< The issuer key that signed the token.
  std::optional<CallerSession> session = {};  ///< Everything else is its token's.
  bool is_system = false;                     ///< The control plane itself, which has no token.
};

/// Whoever acts for the control plane in a tenant's namespace, where nobody asked for it.
Caller system_caller(const TenantId& tenant);

/// True for a platform administrator, who belongs to no tenant.
bool is_platform(const Caller& caller);

/// Whether the caller's device is there, with the caller's key, and enrolled. Requires that the caller is a device.
bool has_device(Reader& reader, const Caller& caller);

/// What hangs from a platform administrator's token is the platform's doing, in a tenant's log too.
Actor actor_of(const Caller& caller);

/// Where something of the caller's can have been revoked, the namespace it acts in first. What was issued under another
/// token can hang from a platform administrator's.
std::vector<TenantId> namespaces_of(const Caller& caller);

/// Takes the keys of the ancestors from the register into `key_thumbprints`: a revoked key ends what was issued under a
/// token of it. Of a link only the chain knows the key.
void add_keys_of_ancestors(Caller& caller, Reader& reader);

/// Whether the caller holds in one of those: its generation, its device, and no revocation of anything it hangs from
/// there. Refuses as authentication does.
Result<void> readmit_in(Reader& reader, const Caller& caller, const TenantId& place);

/// Asks the store again, inside the transaction that is about to change something, whether the caller still may:
/// expiry, generation, device, revocation of any element, of any element's key, of any ancestor or of the session.
/// Refuses as authentication does.
Result<void> readmit(Reader& tx, const Caller& caller, Instant now);

}  // namespace cadastre

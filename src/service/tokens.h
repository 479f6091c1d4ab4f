// The verbs about tokens: issue, list, revoke. A token's text is made here and never kept.
#pragma once

#include <string>

#include "crypto/ed25519.h"
#include "service/caller.h"
#include "service/services.h"

namespace cadastre {

constexpr std::chrono::seconds token_lifetime_min{60};

struct TokenOrder {
  TenantId tenant;  ///< TenantId::platform() for a platform administrator's.
  PublicKey subject_key{};
  Scope scope;
  std::int64_t expires_in_s = 0;
  std::int64_t delegable_depth = 0;
  bool requires_pop = false;
  std::string caveats;  ///< As `admit_caveats` gave it, or empty.
  std::string label;
  std::string audience;  ///< Empty: the deployment's own.
};

/// A token just issued, with the text that only its holder will know.
struct FreshToken {
  IssuedToken record;
  std::string text;
};

/// Issues a token. Under a platform administrator it is a root token of the tenant; under a tenant's own token it is a
/// sub-token, which names its ancestors, is bound by all that binds that one, and lives no longer.
Result<FreshToken> issue_token(Tx& tx, Services& services, const Caller& caller, const TokenOrder& order);

/// Issues a platform administrator's token for whoever may run commands on the server; `name` becomes its label.
Result<FreshToken> issue_admin_token(Tx& tx, Services& services, std::string_view name, std::chrono::seconds lifetime);

/// The same text again from what is kept: Ed25519 is deterministic. Refuses with `conflict` when the issuer's key has
/// been replaced since.
Result<std::string> sign_again(const Services& services, const IssuedToken& record);

/// The token of that id or rid (base64url, 22 or 43 characters) in the namespace.
Result<IssuedToken> token(Reader& reader, const TenantId& tenant, std::string_view id_or_rid);

/// Revokes a token for ever, and with it everything issued under it. Revoking twice changes nothing. An administrator
/// may revoke any token of its namespace but its own ancestors; any other holder itself and what hangs below it.
Result<void> revoke_token(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                          std::string_view id_or_rid);

/// Revokes an element by its rid, known here or not (an offline link is not).
Result<void> revoke_rid(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                        const RevocationId& rid);
/// Revokes every token bound to the key.
Result<void> revoke_key(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant, const PublicKey& key);
/// Revokes every token of the namespace issued so far, the caller's own included.
Result<void> revoke_generation(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant);

}  // namespace cadastre

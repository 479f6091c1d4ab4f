// The verbs about tokens: issue and find. A token's text is made here and never kept.
#pragma once

#include <string>

#include "crypto/ed25519.h"
#include "domain/device.h"
#include "domain/precondition.h"
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

/// At most 100 bytes and no control characters, as the labels of tokens and sessions. Refuses naming `label`.
Result<void> check_label(std::string_view label);

/// What `issue_token` would issue at `now`: decided, but neither signed nor recorded.
Result<IssuedToken> plan_token(Reader& reader, Services& services, const Caller& caller, const TokenOrder& order,
                               Instant now);

/// What a device would get at `now`: a root token of its tenant, bound to its key by proof, of its scope, with neither
/// caveats nor links. Refuses a lifetime out of bounds and a tenant that may not be changed.
Result<IssuedToken> plan_device_token(Reader& reader, Services& services, const Device& device, std::string issued_by,
                                      std::int64_t expires_in_s, Instant now);

/// The token as its holder would come with it.
Caller holder_of(Reader& reader, const IssuedToken& token);

/// Signs a planned token; nothing is recorded yet.
Result<FreshToken> sign_token(const Services& services, IssuedToken planned);

/// Issues a token. Under a platform administrator it is a root token of the tenant; under a tenant's own token it is a
/// sub-token, which names its ancestors, is bound by all that binds that one, and lives no longer.
Result<FreshToken> issue_token(Tx& tx, Services& services, const Caller& caller, const TokenOrder& order);

/// Issues a platform administrator's token for whoever may run commands on the server; `name` becomes its label.
Result<FreshToken> issue_admin_token(Tx& tx, Services& services, std::string_view name, std::chrono::seconds lifetime);

/// The same text again from what is kept: Ed25519 is deterministic. It is signed by the key that signed it, retired or
/// not; refuses with `conflict` when that is revoked or not on this server.
Result<std::string> sign_again(const Services& services, const IssuedToken& record);

/// The token of that id or rid (base64url, 22 or 43 characters) in the namespace.
Result<IssuedToken> token(Reader& reader, const TenantId& tenant, std::string_view id_or_rid);

}  // namespace cadastre

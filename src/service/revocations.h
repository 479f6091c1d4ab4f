// The verbs that end tokens: one by one, by key, or a whole generation. Nothing takes an end back.
#pragma once

#include <string_view>
#include <vector>

#include "crypto/ed25519.h"
#include "domain/precondition.h"
#include "service/caller.h"
#include "service/services.h"

namespace cadastre {

/// Revokes a token for ever, and with it everything issued under it. Revoking twice changes nothing. An administrator
/// may revoke any token of its namespace but those above its own; any other holder itself and what hangs below it.
/// Refuses with `precondition_failed` when `if_match` does not hold for the token's revision.
Result<void> revoke_token(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                          std::string_view id_or_rid, const Precondition& if_match = {});

/// Revokes an element by its rid, known here or not (an offline link is not).
Result<void> revoke_rid(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                        const RevocationId& rid);
/// Revokes the element that `rids` names first, an issued token or a link; the others are those above it. So the holder
/// of any of them may.
Result<void> revoke_chain(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                          const std::vector<RevocationId>& rids);
/// Revokes every token bound to the key.
Result<void> revoke_key(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant, const PublicKey& key);
/// Revokes every token of the namespace issued so far, the caller's own included.
Result<void> revoke_generation(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant);

/// Whether the caller may end what `rids` names first; the others are those above it.
Result<void> admit_revocation(const Caller& caller, const TenantId& tenant, const std::vector<RevocationId>& rids);

/// The token's own rid, then its ancestors'.
std::vector<RevocationId> rids_of(const IssuedToken& token);

/// Takes the sessions of the namespace away whose token is, or hangs from, the one of that rid, which is revoked.
void drop_sessions_below(Tx& tx, const Caller& caller, const TenantId& tenant, const RevocationId& rid, Instant now);

/// Records the end of a token that is not revoked yet; the ledger's entry is the caller's affair.
void mark_ended(Tx& tx, const Caller& caller, const IssuedToken& token, Instant now);

}  // namespace cadastre

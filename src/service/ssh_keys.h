// The verbs about the SSH keys that a tenant's VMs let in. They always act on the caller's own tenant.
#pragma once

#include "domain/precondition.h"
#include "service/caller.h"
#include "service/services.h"

namespace cadastre {

/// Adds a key. Refuses a name and a key that are there already, and more than 100 keys. VMs that are there keep the
/// keys that they were first started with.
Result<SshKey> add_ssh_key(Tx& tx, Services& services, const Caller& caller, std::string_view name,
                           std::string_view line);

/// The tenant's key; `not_found` for a missing one and for another tenant's, in the same words.
Result<SshKey> ssh_key(Reader& reader, const TenantId& tenant, std::string_view name);

/// All of them, in order of name.
std::vector<SshKey> all_ssh_keys(Reader& reader, const TenantId& tenant);

Result<void> remove_ssh_key(Tx& tx, Services& services, const Caller& caller, std::string_view name,
                            const Precondition& if_match);

/// Forgets all of a tenant's keys, as a part of its end: no entry of the ledger for each.
void drop_ssh_keys(Tx& tx, const TenantId& tenant);

/// `SHA256:` and the base64 of the key's digest without padding, as `ssh-keygen -l` shows it. Requires a key that was
/// read before.
std::string fingerprint_of(const SshKey& key);

}  // namespace cadastre

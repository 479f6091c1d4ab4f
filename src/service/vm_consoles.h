// What guests wrote to their serial consoles: kept from their node's agent, read by the tenant's people.
#pragma once

#include "service/caller.h"
#include "service/services.h"

namespace cadastre {

/// Keeps what the guest of a VM wrote last, in the place of what was kept before. Refuses more than
/// `console_bytes_max`, a caller that is not the node's agent, and, in the words for a missing one, a VM that is not on
/// that node. It is no change of the VM and has no entry in the ledger. What a node of the shared pool sends is kept in
/// the pool's namespace, for as long as the VM has room there.
Result<void> keep_console(Tx& tx, Services& services, const Caller& caller, std::string_view node_id,
                          std::string_view vm_id, std::string bytes);

/// What is kept of a VM of the tenant's; nothing when its guest has not been heard of yet.
Result<std::optional<VmConsole>> vm_console(Reader& reader, const TenantId& tenant, std::string_view vm_id);

}  // namespace cadastre

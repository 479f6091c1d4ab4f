// The verbs about virtual machines. They always act on the caller's own tenant.
#pragma once

#include "domain/precondition.h"
#include "service/caller.h"
#include "service/services.h"

namespace cadastre {

/// Registers a VM and charges it. Refuses what passes a limit, and then charges nothing.
Result<Vm> create_vm(Tx& tx, Services& services, const Caller& caller, const VmOrder& order);

/// The tenant's VM; `not_found` for a missing one and for another tenant's, in the same words.
Result<Vm> vm(Reader& reader, const TenantId& tenant, std::string_view id);

/// Wishes the VM to run or to stop. Asking for what is already wished changes nothing and writes no leaf.
Result<Vm> wish_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id, VmWish wish);

/// Wishes a running VM to start over. Refuses one that does not run.
Result<Vm> reboot_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id);

/// Removes the VM and frees what it was charged. Nothing is left of it but its ledger entries.
Result<void> delete_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id,
                       const Precondition& if_match);

}  // namespace cadastre

// The verbs about virtual machines. They always act on the caller's own tenant.
#pragma once

#include "domain/precondition.h"
#include "service/caller.h"
#include "service/services.h"

namespace cadastre {

/// The caller's tenant, which may be changed now.
Result<Tenant> changeable_tenant(Reader& reader, const Caller& caller);

/// Registers a VM, charges it, and places it if one of the tenant's nodes has room. Refuses what passes a limit, and
/// then charges nothing.
Result<Vm> create_vm(Tx& tx, Services& services, const Caller& caller, const VmOrder& order);

/// The tenant's VM; `not_found` for a missing one and for another tenant's, in the same words.
Result<Vm> vm(Reader& reader, const TenantId& tenant, std::string_view id);

/// Wishes the VM to run or to stop. Asking for what is already wished changes nothing and writes no leaf.
Result<Vm> wish_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id, VmWish wish);

/// Wishes a running VM to start over. Refuses one that does not run.
Result<Vm> reboot_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id);

/// Nothing is left of the VM: its row, its console, its charge and its room on a node go.
void forget_vm(Tx& tx, Tenant& tenant, const Vm& vm, const Caller& caller, Instant now);

/// Removes the VM. One without a node is gone at once and what it was charged is free: nothing is left of it but its
/// ledger entries. One on a node is `Deleting`, and charged, until the node's agent says that nothing is left of it;
/// that one is answered. Asking again changes nothing.
Result<std::optional<Vm>> delete_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id,
                                    const Precondition& if_match);

}  // namespace cadastre

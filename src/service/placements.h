// Placing VMs on the nodes of their tenant, and what each change of a VM on a node does to that node's row.
#pragma once

#include <string>
#include <vector>

#include "domain/placement.h"
#include "service/services.h"

namespace cadastre {

/// Where the rows of a namespace's nodes come from: all of them, in order of id.
std::vector<Node> all_nodes(Reader& reader, const TenantId& tenant);

/// Gives the VM a node of its own tenant's that has room for it, and takes the room. False, and nothing is changed,
/// when there is none. The VM's own row is the caller's to write.
bool place(Tx& tx, const Services& services, const Tenant& tenant, Vm& vm);

/// Places what waits for room, the oldest first; to be called whenever there may be more. Each has its ledger entry.
void place_waiting(Tx& tx, const Services& services, const Tenant& tenant);

/// One node looked at for a VM of some tenant's.
struct NodeAdvice {
  Node node;
  std::string reason;  ///< Why it cannot take the VM; empty when it can.
  bool is_of_pool = false;
};

/// Which nodes would take it, the best first, then the others: in both the tenant's own before those of the shared
/// pool.
std::vector<NodeAdvice> advise(Reader& reader, const Services& services, const TenantId& tenant,
                               const PlacementOrder& order);

/// Lets the VM's agent know that something else is wished of it. Nothing to do for one without a node.
void tell_node(Tx& tx, const Vm& vm);

/// The VM is on its node no more: gives the room back.
void leave_node(Tx& tx, const Vm& vm);

}  // namespace cadastre

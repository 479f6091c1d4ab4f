// The verbs about nodes: enrol, heartbeat, cordon, drain, remove, and what an agent reports of its guests.
#pragma once

#include "domain/node.h"
#include "domain/precondition.h"
#include "domain/vm_lifecycle.h"
#include "service/caller.h"
#include "service/services.h"

namespace cadastre {

/// Whether the node was there before.
struct EnrolledNode {
  Node node;
  bool is_new = false;
};

/// Enters the caller's device as a node of its tenant, or takes over what it tells now when it is one already. That is
/// no heartbeat: nothing is placed on a node before its first. Refuses with `already_exists` a node that another device
/// or key holds.
Result<EnrolledNode> enrol_node(Tx& tx, Services& services, const Caller& caller, std::string_view id,
                                const NodeFacts& facts);

/// Takes over what the agent tells of its machine, and places what waits for it. The control plane's own clock says
/// when it was heard of. Refuses a caller that is not the node's device with the node's key.
Result<Node> heartbeat(Tx& tx, Services& services, const Caller& caller, std::string_view id, const NodeFacts& facts);

/// A report that nobody can believe, and why.
struct RefusedReport {
  VmId vm;
  Refusal refusal;
};

/// What became of the reports.
struct ReportSummary {
  std::int64_t changed = 0;
  std::int64_t unchanged = 0;
  bool waits_for_pool = false;  ///< Some are of other tenants' VMs: kept, and to be settled before anyone is answered.
  std::vector<VmId> unknown;    ///< That no VM of this node stands behind: nobody may be told to destroy those.
  std::vector<RefusedReport> refused;
};

/// Makes the VMs of the node what its agent sees (`apply_report`), each change with its ledger entry and each by its
/// own report alone: one that cannot be believed holds up no other. Refuses a caller that is not the node's device.
Result<ReportSummary> report_guests(Tx& tx, Services& services, const Caller& caller, std::string_view id,
                                    const std::vector<GuestReport>& reports);

/// The node, for its own agent alone; refuses others as `heartbeat` does.
Result<Node> own_node(Reader& reader, const Caller& caller, std::string_view id);

/// A node of the tenant's; `not_found` for a missing one and for another tenant's, in the same words.
Result<Node> node(Reader& reader, const TenantId& tenant, std::string_view id);

/// The VMs of its own tenant that are placed on it, whatever their state.
std::vector<Vm> vms_on(Reader& reader, const Node& node);

/// No further VM is placed on it, or again. Doing so twice changes nothing.
Result<Node> cordon_node(Tx& tx, Services& services, const Caller& caller, std::string_view id, bool cordoned);

/// Cordons it and wishes its VMs to stop, each with its ledger entry.
Result<Node> drain_node(Tx& tx, Services& services, const Caller& caller, std::string_view id);

/// Forgets the node. Refuses one that VMs are placed on, unless `is_lost` says that its machine is gone for good: then
/// those that were being deleted are gone, and the others are in `Error` and without a node.
Result<void> remove_node(Tx& tx, Services& services, const Caller& caller, std::string_view id, bool is_lost,
                         const Precondition& if_match);

}  // namespace cadastre

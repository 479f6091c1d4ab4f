// The shared pool's nodes and the VMs of other tenants on them. No transaction changes two tenants' rows (DESIGN.md,
// law 9): room is taken in the pool's namespace first, then the VM gets the node in its own; it is given back in the
// opposite order. `pool_step` says what is next wherever that was cut off (docs/decisions/0016-shared-pool.md).
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "domain/pool.h"
#include "service/services.h"

namespace cadastre {

/// Another number for every state of every reservation that a VM ever has: a later one is for a later revision of the
/// VM. Requires that both revisions are below 2^31.
std::int64_t number_of(const PoolReservation& reservation);

// In the VM's namespace.

/// Something else is wished of a VM on the pool, or it is not there any more: its reservation is to be compared with
/// it.
void tell_pool(Tx& tx, const Vm& vm);
void leave_pool(Tx& tx, const Vm& vm);

/// A reservation whose next step is in its VM's namespace.
struct PoolTask {
  PoolReservation reservation;
  std::int64_t vm_revision = 0;  ///< Of the VM that this was said of.
};

/// Takes the step of each VM that is still as it was, with its ledger entry. Answers the reservations as they are then:
/// the pool's rows do not know of that yet. Requires that the VMs are of one tenant.
std::vector<PoolReservation> settle_vms(Tx& tx, const Services& services, const std::vector<PoolTask>& tasks);

// In the pool's namespace.

/// Takes room for those of the VMs that wait that some node can take, turn by turn (`choose_from_pool`), and answers
/// what it took: none while the pool may not be changed. A VM that has a reservation is passed over.
std::vector<PoolReservation> reserve_on_pool(Tx& tx, const Services& services, const TenantId& pool,
                                             std::vector<Vm> waiting, TenantId served_last);

/// What has become of a reservation.
struct PoolMatter {
  PoolReservation reservation;     ///< With the number that it was read with.
  PoolStep step = PoolStep::keep;  ///< `release` or `keep`.
  bool tells_agent = false;        ///< Whether its node's agent is to be told of something.
};

/// Gives back or keeps the room, unless the reservation is another by now: then there is news of that. Requires that
/// all are of one pool.
void settle_pool(Tx& tx, const TenantId& pool, const std::vector<PoolMatter>& matters);

/// Keeps what the node's agent says of another tenant's VM until that VM's row knows of it; nothing when no room on the
/// node is the VM's. A report of an older generation than the last one changes nothing. Refuses what `check_report`
/// refuses.
Result<std::optional<ReportOutcome>> keep_pool_report(Tx& tx, const Node& node, const GuestReport& report);

/// Has other tenants' VMs on the node stopped.
void drain_pool_node(Tx& tx, const Node& node);

/// Has other tenants' VMs on the node lose it: it is about to be removed.
void lose_pool_node(Tx& tx, const Node& node);

// Read through each tenant's own rows.

/// The other tenants' VMs on a node of the pool, whatever their state.
std::vector<Vm> pool_vms_on(Reader& reader, const Node& node);

/// Whether the node has room that is that VM's, of whatever tenant.
bool has_pool_room(Reader& reader, const Node& node, const VmId& vm);

}  // namespace cadastre

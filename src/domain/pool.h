// Room on the nodes of the shared pool: who of those that wait gets it, and what is next to be done about room that was
// taken for a VM of another tenant (docs/decisions/0016-shared-pool.md).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "domain/placement.h"
#include "domain/vm_lifecycle.h"

namespace cadastre {

/// What the pool's tenant wants with a VM that has room on one of its nodes.
enum class PoolHold {
  placed,    ///< It is there, or about to be.
  draining,  ///< It is to be stopped.
  lost,      ///< The node was removed, and the room with it.
};

/// Room on a node of the pool for a VM of another tenant. A row of the pool's namespace: nothing in the VM's namespace
/// changes with it. A VM has one at most.
struct PoolReservation {
  TenantId pool;  ///< Who holds the node.
  VmId vm;
  TenantId vm_tenant;
  std::int64_t vm_revision = 0;  ///< Of the waiting VM that the room was taken for: no later one gets it.
  std::string node_id;
  Charge charge;
  PoolHold hold = PoolHold::placed;
  std::optional<GuestReport> report = {};  ///< What the node's agent said of the VM last; nothing until it did.
  bool is_report_new = false;              ///< The VM's own row does not know of it yet.
  Instant created_at;
  std::int64_t revision = 1;  ///< Raised at every change.
};

/// That a VM and its reservation have to be compared, since one of them has changed: a row of the namespace where it
/// has, written with the change.
struct PoolNews {
  TenantId tenant;
  VmId vm;
  TenantId pool;
  std::int64_t number = 0;  ///< Another one for another change of the same VM.
};

/// What is next for a VM and its reservation to agree.
enum class PoolStep {
  assign,   ///< The VM still waits as it did: it gets the node.
  close,    ///< It does, but the room is not to be given any more: its revision is raised, so that nobody gives it.
  report,   ///< The VM becomes what the agent said of it.
  stop,     ///< It is wished to stop.
  lose,     ///< It loses its node; one that is being deleted is gone.
  release,  ///< The VM is not on the node and cannot come there by this reservation: the room is given back.
  keep,     ///< They agree.
};

/// Whether the step is taken in the VM's namespace; the others are in the pool's.
bool is_step_of_vm(PoolStep step);

/// The step, whoever asks and however often. `vm` is nothing when there is no such VM any more. What it answers of a
/// reservation that is to be released never changes again, so that it may be acted on later.
PoolStep pool_step(const PoolReservation& reservation, const std::optional<Vm>& vm);

/// A VM that waits, and the node that it gets.
struct PoolChoice {
  std::size_t vm = 0;    ///< Its index among those that wait.
  std::size_t node = 0;  ///< Its index among the nodes.
};

/// Who is served next: tenants take turns in order of id, beginning after `served_last`; of a tenant's VMs the oldest
/// that some node can take. Nothing when nobody can be. Requires `waiting` in order of tenant, and of age.
std::optional<PoolChoice> choose_from_pool(std::span<const Vm> waiting, const TenantId& served_last,
                                           std::span<const Node> nodes, const PlacementRules& rules, Instant now);

}  // namespace cadastre

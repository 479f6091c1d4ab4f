#include "service/shared_pool.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/invariant.h"
#include "base/log.h"
#include "domain/vm_lifecycle.h"
#include "service/events.h"
#include "service/placements.h"
#include "service/vms.h"

namespace cadastre {
namespace {

constexpr PlacementRules rules{};

void assign(Tx& tx, const PoolReservation& reservation, Vm vm, Instant now) {
  vm.node_id = reservation.node_id;
  vm.pool = reservation.pool;
  ++vm.revision;
  tx.update(vm);
  tx.append(vm_placed(vm), now);
}

/// Who would give the node to the VM as it was finds it changed.
void close(Tx& tx, Vm vm) {
  ++vm.revision;
  tx.update(vm);
}

void forget(Tx& tx, const Vm& vm, Instant now) {
  auto tenant = tx.tenant(vm.tenant);
  if (!tenant) throw StoreFailure("a VM of a namespace that does not exist: " + vm.id.text());
  forget_vm(tx, *tenant, vm, system_caller(vm.tenant), now);
}

void keep_change(Tx& tx, const Vm& vm, VmState before, Instant now) {
  tx.update(vm);
  tx.append(vm_state_changed(vm, before, system_caller(vm.tenant)), now);
}

void report(Tx& tx, PoolReservation& reservation, Vm vm, Instant now) {
  reservation.is_report_new = false;
  const VmState before = vm.state;
  const auto outcome = apply_report(vm, *reservation.report, now);
  if (!outcome) {
    log::warn("what a node of the shared pool reports of a VM cannot be believed",
              {{"node_id", reservation.node_id}, {"vm_id", vm.id.text()}, {"reason", outcome.error().detail}});
    reservation.report.reset();
  } else if (*outcome == ReportOutcome::gone) {
    forget(tx, vm, now);
  } else if (*outcome == ReportOutcome::changed) {
    keep_change(tx, vm, before, now);
  }
}

void stop(Tx& tx, Vm vm, Instant now) {
  if (!wish(vm, VmWish::stop)) return;
  tx.update(vm);
  tx.append(vm_wished(vm, system_caller(vm.tenant)), now);
}

void lose(Tx& tx, Vm vm, Instant now) {
  if (vm.state == VmState::deleting) return forget(tx, vm, now);
  const VmState before = vm.state;
  lose_node(vm);
  keep_change(tx, vm, before, now);
}

void take_step(Tx& tx, PoolReservation& reservation, std::int64_t vm_revision, Instant now) {
  const auto vm = tx.vm(reservation.vm_tenant, reservation.vm);
  if (!vm || vm->revision != vm_revision) return;  // perhaps it has another reservation by now
  switch (pool_step(reservation, vm)) {
    case PoolStep::assign: return assign(tx, reservation, *vm, now);
    case PoolStep::close: return close(tx, *vm);
    case PoolStep::report: return report(tx, reservation, *vm, now);
    case PoolStep::stop: return stop(tx, *vm, now);
    case PoolStep::lose: return lose(tx, *vm, now);
    case PoolStep::release:
    case PoolStep::keep: return;
  }
}

void put_with_news(Tx& tx, PoolReservation reservation) {
  ++reservation.revision;
  tx.put(reservation);
  tx.put(PoolNews{
      .tenant = reservation.pool, .vm = reservation.vm, .pool = reservation.pool, .number = number_of(reservation)});
}

/// The nodes that a settlement touches, each read once and written once.
class TouchedNodes {
 public:
  TouchedNodes(Tx& tx, const TenantId& pool) : tx_(tx), pool_(pool) {}
  /// Null when there is no such node any more.
  Node* find(const std::string& id) {
    const auto known = nodes_.find(id);
    if (known != nodes_.end()) return known->second ? &*known->second : nullptr;
    auto& node = nodes_.emplace(id, tx_.node(pool_, id)).first->second;
    return node ? &*node : nullptr;
  }
  /// Answers whether there was any.
  bool write() {
    bool is_any = false;
    for (auto& [id, node] : nodes_) {
      if (!node) continue;
      ++node->wishes;
      tx_.put(*node);
      is_any = true;
    }
    return is_any;
  }

 private:
  Tx& tx_;
  const TenantId& pool_;
  std::map<std::string, std::optional<Node>> nodes_;
};

void release(Tx& tx, TouchedNodes& nodes, const PoolReservation& reservation) {
  tx.erase_pool_reservation(reservation.pool, reservation.vm);
  tx.erase_vm_console(reservation.pool, reservation.vm);
  Node* const node = reservation.hold == PoolHold::lost ? nullptr : nodes.find(reservation.node_id);
  if (node == nullptr) return;
  node->placed = without_vm(node->placed, reservation.charge);
  ++node->revision;
}

void keep(Tx& tx, const PoolReservation& kept, PoolReservation settled) {
  const bool is_stopped = settled.hold == PoolHold::draining;
  if (kept.is_report_new == settled.is_report_new && !is_stopped) return;
  if (is_stopped) settled.hold = PoolHold::placed;
  ++settled.revision;
  tx.put(settled);
}

}  // namespace

std::int64_t number_of(const PoolReservation& reservation) {
  constexpr std::int64_t revisions_max = std::int64_t{1} << 31;
  CHECK_INVARIANT(reservation.vm_revision < revisions_max && reservation.revision < revisions_max);
  return reservation.vm_revision * revisions_max + reservation.revision;
}

void tell_pool(Tx& tx, const Vm& vm) {
  tx.put(PoolNews{.tenant = vm.tenant, .vm = vm.id, .pool = *vm.pool, .number = vm.revision});
}

/// Nothing was changed of the VM itself, so the number is not that of the news before.
void leave_pool(Tx& tx, const Vm& vm) {
  tx.put(PoolNews{.tenant = vm.tenant, .vm = vm.id, .pool = *vm.pool, .number = vm.revision + 1});
}

std::vector<PoolReservation> settle_vms(Tx& tx, const Services& services, const std::vector<PoolTask>& tasks) {
  std::vector<PoolReservation> reservations;
  for (const PoolTask& task : tasks) {
    reservations.push_back(task.reservation);
    take_step(tx, reservations.back(), task.vm_revision, services.clock.now());
  }
  return reservations;
}

std::vector<PoolReservation> reserve_on_pool(Tx& tx, const Services& services, const TenantId& pool,
                                             std::vector<Vm> waiting, TenantId served_last) {
  const auto tenant = tx.tenant(pool);
  if (!tenant || !admit_change(*tenant)) return {};
  std::erase_if(waiting, [&](const Vm& vm) { return tx.pool_reservation(pool, vm.id).has_value(); });
  auto nodes = all_nodes(tx, pool);
  const Instant now = services.clock.now();
  std::vector<PoolReservation> taken;
  while (const auto choice = choose_from_pool(waiting, served_last, nodes, rules, now)) {
    const Vm& vm = waiting[choice->vm];
    Node& node = nodes[choice->node];
    node.placed = with_vm(node.placed, vm.charge());
    ++node.revision;
    tx.put(node);
    taken.push_back({.pool = pool,
                     .vm = vm.id,
                     .vm_tenant = vm.tenant,
                     .vm_revision = vm.revision,
                     .node_id = node.id,
                     .charge = vm.charge(),
                     .created_at = now});
    tx.put(taken.back());
    served_last = vm.tenant;
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(choice->vm));
  }
  return taken;
}

void settle_pool(Tx& tx, const TenantId& pool, const std::vector<PoolMatter>& matters) {
  TouchedNodes nodes(tx, pool);
  for (const PoolMatter& matter : matters) {
    const PoolReservation& settled = matter.reservation;
    const auto kept = tx.pool_reservation(pool, settled.vm);
    if (!kept || number_of(*kept) != number_of(settled)) continue;
    if (matter.step == PoolStep::release) {
      release(tx, nodes, *kept);
      continue;
    }
    keep(tx, *kept, settled);
    if (matter.tells_agent) nodes.find(settled.node_id);
  }
  const auto tenant = tx.tenant(pool);
  if (nodes.write() && tenant) tx.update(*tenant);  // whoever waits for news of its nodes is woken
}

Result<std::optional<ReportOutcome>> keep_pool_report(Tx& tx, const Node& node, const GuestReport& report) {
  auto reservation = tx.pool_reservation(node.tenant, report.vm);
  if (!reservation || reservation->node_id != node.id || reservation->hold == PoolHold::lost)
    return std::optional<ReportOutcome>();
  TRY(check_report(report));
  const auto& last = reservation->report;
  if (last && (report == *last || report.generation < last->generation)) return std::optional(ReportOutcome::nothing);
  reservation->report = report;
  reservation->is_report_new = true;
  put_with_news(tx, *std::move(reservation));
  return std::optional(ReportOutcome::changed);
}

void drain_pool_node(Tx& tx, const Node& node) {
  for (PoolReservation& reservation : tx.pool_reservations(node.tenant, node.id)) {
    if (reservation.hold != PoolHold::placed) continue;
    reservation.hold = PoolHold::draining;
    put_with_news(tx, std::move(reservation));
  }
}

void lose_pool_node(Tx& tx, const Node& node) {
  for (PoolReservation& reservation : tx.pool_reservations(node.tenant, node.id)) {
    if (reservation.hold == PoolHold::lost) continue;
    reservation.hold = PoolHold::lost;
    put_with_news(tx, std::move(reservation));
  }
}

std::vector<Vm> pool_vms_on(Reader& reader, const Node& node) {
  std::vector<Vm> vms;
  for (const PoolReservation& reservation : reader.pool_reservations(node.tenant, node.id)) {
    if (reservation.hold == PoolHold::lost) continue;
    auto vm = reader.vm(reservation.vm_tenant, reservation.vm);
    if (vm && is_on(*vm, node)) vms.push_back(*std::move(vm));
  }
  return vms;
}

bool has_pool_room(Reader& reader, const Node& node, const VmId& vm) {
  const auto reservation = reader.pool_reservation(node.tenant, vm);
  return reservation && reservation->node_id == node.id && reservation->hold != PoolHold::lost;
}

}  // namespace cadastre

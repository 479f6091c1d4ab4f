#include "domain/pool.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace cadastre {
namespace {

PoolStep step_on_node(const PoolReservation& reservation, const Vm& vm) {
  if (reservation.hold == PoolHold::lost) return PoolStep::lose;
  if (reservation.is_report_new) return PoolStep::report;
  const bool runs = vm.wish == VmWish::run && vm.state != VmState::deleting;
  return reservation.hold == PoolHold::draining && runs ? PoolStep::stop : PoolStep::keep;
}

}  // namespace

bool is_step_of_vm(PoolStep step) { return step != PoolStep::release && step != PoolStep::keep; }

PoolStep pool_step(const PoolReservation& reservation, const std::optional<Vm>& vm) {
  if (!vm) return PoolStep::release;
  if (vm->pool == reservation.pool && vm->node_id == reservation.node_id) return step_on_node(reservation, *vm);
  if (vm->revision != reservation.vm_revision) return PoolStep::release;
  return reservation.hold == PoolHold::placed ? PoolStep::assign : PoolStep::close;
}

std::optional<PoolChoice> choose_from_pool(std::span<const Vm> waiting, const TenantId& served_last,
                                           std::span<const Node> nodes, const PlacementRules& rules, Instant now) {
  const auto next = std::ranges::upper_bound(waiting, served_last, std::less{}, &Vm::tenant);
  const auto first = static_cast<std::size_t>(next - waiting.begin());
  std::vector<PlacementOrder> rejected;  // few sizes are asked for, by many
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    const std::size_t at = (first + i) % waiting.size();
    auto order = placement_order_of(waiting[at]);
    if (std::ranges::find(rejected, order) != rejected.end()) continue;
    if (const auto node = choose_node(nodes, order, rules, now)) return PoolChoice{at, *node};
    rejected.push_back(std::move(order));
  }
  return std::nullopt;
}

}  // namespace cadastre

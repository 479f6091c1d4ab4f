#include "service/placements.h"

#include "service/events.h"

namespace cadastre {
namespace {

constexpr std::size_t nodes_a_question = 1000;
constexpr std::size_t placed_at_once_max = 1000;  // what is left is placed at the next occasion
constexpr PlacementRules rules{};

bool place_among(Tx& tx, const Services& services, std::vector<Node>& nodes, Vm& vm) {
  const auto chosen = choose_node(nodes, placement_order_of(vm), rules, services.clock.now());
  if (!chosen) return false;
  Node& node = nodes[*chosen];
  node.placed = with_vm(node.placed, vm.charge());
  ++node.wishes;
  ++node.revision;
  vm.node_id = node.id;
  tx.put(node);
  return true;
}

}  // namespace

std::vector<Node> all_nodes(Reader& reader, const TenantId& tenant) {
  std::vector<Node> all;
  for (NodeQuery query{.limit = nodes_a_question};;) {
    auto some = reader.nodes(tenant, query);
    const bool is_last = some.size() < query.limit;
    if (!some.empty()) query.after = some.back().id;
    std::ranges::move(some, std::back_inserter(all));
    if (is_last) return all;
  }
}

bool place(Tx& tx, const Services& services, const Tenant& tenant, Vm& vm) {
  if (tenant.node_count == 0) return false;
  auto nodes = all_nodes(tx, tenant.id);
  return place_among(tx, services, nodes, vm);
}

void place_waiting(Tx& tx, const Services& services, const Tenant& tenant) {
  if (tenant.node_count == 0) return;
  if (tx.waiting_vms(tenant.id, {.after = {}, .most = room_for_all, .limit = 1}).empty()) return;
  auto nodes = all_nodes(tx, tenant.id);
  const Room most = most_room(nodes, rules, services.clock.now());
  for (Vm& vm : tx.waiting_vms(tenant.id, {.after = {}, .most = most, .limit = placed_at_once_max})) {
    if (!place_among(tx, services, nodes, vm)) continue;
    ++vm.revision;
    tx.update(vm);
    tx.append(vm_placed(vm), services.clock.now());
  }
}

void tell_node(Tx& tx, const Vm& vm) {
  if (vm.node_id.empty()) return;
  auto node = tx.node(vm.tenant, vm.node_id);
  if (!node) return;
  ++node->wishes;
  tx.put(*node);
}

void leave_node(Tx& tx, const Vm& vm) {
  if (vm.node_id.empty()) return;
  auto node = tx.node(vm.tenant, vm.node_id);
  if (!node) return;
  node->placed = without_vm(node->placed, vm.charge());
  ++node->wishes;
  ++node->revision;
  tx.put(*node);
}

}  // namespace cadastre

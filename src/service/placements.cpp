#include "service/placements.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "service/events.h"
#include "service/shared_pool.h"

namespace cadastre {
namespace {

constexpr std::size_t nodes_a_question = 1000;
constexpr std::size_t placed_at_once_max = 1000;  // what is left is placed at the next occasion
constexpr PlacementRules rules{};

constexpr PlacementRules rules_of_pool{.tells_figures = false};

std::vector<NodeAdvice> advise_of(const std::vector<Node>& nodes, const PlacementOrder& order, const PlacementRules& by,
                                  Instant now, bool is_of_pool) {
  std::vector<NodeAdvice> advice;
  for (NodeVerdict& verdict : rank_nodes(nodes, order, by, now))
    advice.push_back({nodes[verdict.node], std::move(verdict.reason), is_of_pool});
  return advice;
}

/// Nothing where there is no pool for the tenant now.
std::vector<Node> nodes_of_pool(Reader& reader, const Services& services, const TenantId& tenant) {
  const auto& pool = services.deployment.shared_pool;
  if (!pool || *pool == tenant) return {};
  const auto holder = reader.tenant(*pool);
  return holder && admit_change(*holder) ? all_nodes(reader, *pool) : std::vector<Node>();
}

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

std::vector<NodeAdvice> advise(Reader& reader, const Services& services, const TenantId& tenant,
                               const PlacementOrder& order) {
  const Instant now = services.clock.now();
  const auto own = all_nodes(reader, tenant);
  auto pool = nodes_of_pool(reader, services, tenant);
  // Who prefers a node of its own by name means no other of that name.
  if (std::ranges::find(own, order.preferred_node, &Node::id) != own.end())
    std::erase_if(pool, [&](const Node& node) { return node.id == order.preferred_node; });
  auto advice = advise_of(own, order, rules, now, false);
  auto further = advise_of(pool, order, rules_of_pool, now, true);
  const auto fits = [](const NodeAdvice& each) { return each.reason.empty(); };
  const auto rejected = std::ranges::find_if_not(further, fits);
  std::move(rejected, further.end(), std::back_inserter(advice));
  further.erase(rejected, further.end());
  advice.insert(std::ranges::find_if_not(advice, fits), std::make_move_iterator(further.begin()),
                std::make_move_iterator(further.end()));
  return advice;
}

void tell_node(Tx& tx, const Vm& vm) {
  if (vm.node_id.empty()) return;
  if (vm.pool) return tell_pool(tx, vm);
  auto node = tx.node(vm.tenant, vm.node_id);
  if (!node) return;
  ++node->wishes;
  tx.put(*node);
}

void leave_node(Tx& tx, const Vm& vm) {
  if (vm.node_id.empty()) return;
  if (vm.pool) return leave_pool(tx, vm);
  auto node = tx.node(vm.tenant, vm.node_id);
  if (!node) return;
  node->placed = without_vm(node->placed, vm.charge());
  ++node->wishes;
  ++node->revision;
  tx.put(*node);
}

}  // namespace cadastre

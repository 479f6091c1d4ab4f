#include "domain/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

namespace cadastre {
namespace {

enum class Obstacle { none, another_preferred, cordoned, unknown, ram, vcpus, disk };

std::int64_t vcpus_left(const Node& node, const PlacementRules& rules) {
  return std::max<std::int64_t>(0, node.facts.cores.value * rules.vcpus_per_core - node.placed.vcpus.value);
}

Obstacle obstacle_of(const Node& node, const PlacementOrder& order, const PlacementRules& rules, Instant now) {
  if (!order.preferred_node.empty() && node.id != order.preferred_node) return Obstacle::another_preferred;
  const NodeStatus status = status_of(node, now);
  if (status == NodeStatus::cordoned) return Obstacle::cordoned;
  if (status == NodeStatus::unknown) return Obstacle::unknown;
  if (ram_available(node) < order.ram + ram_headroom) return Obstacle::ram;
  if (vcpus_left(node, rules) < order.vcpus.value) return Obstacle::vcpus;
  return disk_available(node) < order.disk ? Obstacle::disk : Obstacle::none;
}

std::string why_not_of_pool(Obstacle obstacle) {
  if (obstacle == Obstacle::ram) return "Not enough memory is free.";
  return obstacle == Obstacle::vcpus ? "Not enough vCPUs are free." : "Not enough disk is free.";
}

/// Empty when nothing is in the way.
std::string why_not(const Node& node, const PlacementOrder& order, const PlacementRules& rules, Instant now) {
  const Obstacle obstacle = obstacle_of(node, order, rules, now);
  const bool is_room = obstacle == Obstacle::ram || obstacle == Obstacle::vcpus || obstacle == Obstacle::disk;
  if (is_room && !rules.tells_figures) return why_not_of_pool(obstacle);
  switch (obstacle) {
    case Obstacle::none: return {};
    case Obstacle::another_preferred: return fmt::format("The VM is to run on {} alone.", order.preferred_node);
    case Obstacle::cordoned: return "The node is cordoned.";
    case Obstacle::unknown: return "The node is Unknown: nothing was heard of it lately.";
    case Obstacle::ram:
      return fmt::format("{} MiB of memory are free, {} are needed ({} and {} for the machine itself).",
                         ram_available(node).value, (order.ram + ram_headroom).value, order.ram.value,
                         ram_headroom.value);
    case Obstacle::vcpus:
      return fmt::format("{} vCPUs are free, {} are needed.", vcpus_left(node, rules), order.vcpus.value);
    case Obstacle::disk:
      return fmt::format("{} GB of disk are free, {} are needed.", disk_available(node).value, order.disk.value);
  }
  std::unreachable();
}

/// The less, the better the node.
auto place_of(const Node& node, const PlacementOrder& order) {
  const bool lacks_kvm = order.prefer_kvm && !node.facts.kvm_available;
  return std::tuple(lacks_kvm, node.facts.reserved, -ram_available(node).value, std::string_view(node.id));
}

}  // namespace

PlacementOrder placement_order_of(const Vm& vm) {
  return {.ram = vm.ram,
          .vcpus = vm.vcpus,
          .disk = vm.disk,
          .prefer_kvm = vm.prefer_kvm,
          .preferred_node = vm.preferred_node};
}

Room most_room(std::span<const Node> nodes, const PlacementRules& rules, Instant now) {
  Room most{};
  for (const Node& node : nodes) {
    if (status_of(node, now) != NodeStatus::ready) continue;
    most.ram = std::max(most.ram, ram_available(node) - ram_headroom);
    most.vcpus = std::max(most.vcpus, VcpuCount{vcpus_left(node, rules)});
    most.disk = std::max(most.disk, disk_available(node));
  }
  return most;
}

bool is_on(const Vm& vm, const Node& node) {
  return vm.node_id == node.id && (vm.pool ? *vm.pool : vm.tenant) == node.tenant;
}

std::vector<NodeVerdict> rank_nodes(std::span<const Node> nodes, const PlacementOrder& order,
                                    const PlacementRules& rules, Instant now) {
  std::vector<NodeVerdict> verdicts;
  std::vector<NodeVerdict> rejected;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    NodeVerdict verdict{i, why_not(nodes[i], order, rules, now)};
    (verdict.reason.empty() ? verdicts : rejected).push_back(std::move(verdict));
  }
  std::ranges::sort(verdicts, std::less{},
                    [&](const NodeVerdict& verdict) { return place_of(nodes[verdict.node], order); });
  std::ranges::move(rejected, std::back_inserter(verdicts));
  return verdicts;
}

std::optional<std::size_t> choose_node(std::span<const Node> nodes, const PlacementOrder& order,
                                       const PlacementRules& rules, Instant now) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (obstacle_of(nodes[i], order, rules, now) != Obstacle::none) continue;
    if (!best || place_of(nodes[i], order) < place_of(nodes[*best], order)) best = i;
  }
  return best;
}

}  // namespace cadastre

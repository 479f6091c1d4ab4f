#include "domain/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

namespace cadastre {
namespace {

std::string why_not(const Node& node, const PlacementOrder& order, const PlacementRules& rules, Instant now) {
  if (!order.preferred_node.empty() && node.id != order.preferred_node) {
    return fmt::format("The VM is to run on {} alone.", order.preferred_node);
  }
  const NodeStatus status = status_of(node, now);
  if (status == NodeStatus::cordoned) return "The node is cordoned.";
  if (status == NodeStatus::unknown) return "The node is Unknown: nothing was heard of it lately.";
  const Mebibytes ram_needed = order.ram + ram_headroom;
  if (ram_available(node) < ram_needed) {
    return fmt::format("{} MiB of memory are free, {} are needed ({} and {} for the machine itself).",
                       ram_available(node).value, ram_needed.value, order.ram.value, ram_headroom.value);
  }
  const std::int64_t vcpus_left = node.facts.cores.value * rules.vcpus_per_core - node.placed.vcpus.value;
  if (vcpus_left < order.vcpus.value) {
    return fmt::format("{} vCPUs are free, {} are needed.", std::max<std::int64_t>(0, vcpus_left), order.vcpus.value);
  }
  if (disk_available(node) < order.disk) {
    return fmt::format("{} GB of disk are free, {} are needed.", disk_available(node).value, order.disk.value);
  }
  return {};
}

}  // namespace

PlacementOrder placement_order_of(const Vm& vm) {
  return {.ram = vm.ram,
          .vcpus = vm.vcpus,
          .disk = vm.disk,
          .prefer_kvm = vm.prefer_kvm,
          .preferred_node = vm.preferred_node};
}

std::vector<NodeVerdict> rank_nodes(std::span<const Node> nodes, const PlacementOrder& order,
                                    const PlacementRules& rules, Instant now) {
  std::vector<NodeVerdict> verdicts;
  std::vector<NodeVerdict> rejected;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    NodeVerdict verdict{i, why_not(nodes[i], order, rules, now)};
    (verdict.reason.empty() ? verdicts : rejected).push_back(std::move(verdict));
  }
  const auto place = [&](const NodeVerdict& verdict) {
    const Node& node = nodes[verdict.node];
    const bool lacks_kvm = order.prefer_kvm && !node.facts.kvm_available;
    return std::tuple(lacks_kvm, node.facts.reserved, -ram_available(node).value, std::string_view(node.id));
  };
  std::ranges::sort(verdicts, std::less{}, place);
  std::ranges::move(rejected, std::back_inserter(verdicts));
  return verdicts;
}

std::optional<std::size_t> choose_node(std::span<const Node> nodes, const PlacementOrder& order,
                                       const PlacementRules& rules, Instant now) {
  const auto verdicts = rank_nodes(nodes, order, rules, now);
  if (verdicts.empty() || !verdicts.front().reason.empty()) return std::nullopt;
  return verdicts.front().node;
}

}  // namespace cadastre

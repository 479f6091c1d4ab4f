// Placement: on which node a VM goes, and why on none of the others (DESIGN.md section 6).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domain/node.h"
#include "domain/vm.h"

namespace cadastre {

constexpr Mebibytes ram_headroom{512};  // left to the machine itself

/// What a VM needs of a node.
struct PlacementOrder {
  Mebibytes ram;
  VcpuCount vcpus;
  Gigabytes disk;
  bool prefer_kvm = false;
  std::string preferred_node;  ///< Binds; empty: any.
  friend bool operator==(const PlacementOrder&, const PlacementOrder&) = default;
};

PlacementOrder placement_order_of(const Vm& vm);

struct PlacementRules {
  std::int64_t vcpus_per_core = 4;  ///< How often a core is given away.
  bool tells_figures = true;        ///< Whether a reason may say how much is free; nobody else's business on a pool.
};

/// What can be had of a node, or is asked of one, of each kind.
struct Room {
  Mebibytes ram;
  VcpuCount vcpus;
  Gigabytes disk;
};

/// More than any order may ask for.
constexpr Room room_for_all{.ram = Mebibytes{limit_max}, .vcpus = VcpuCount{limit_max}, .disk = Gigabytes{limit_max}};

/// The most of each kind that any one node could give to a VM now: what asks for more of one of them fits nowhere.
/// Nothing of any where no node is `Ready`.
Room most_room(std::span<const Node> nodes, const PlacementRules& rules, Instant now);

/// Whether the VM is on that node: ids of nodes are their tenant's own.
bool is_on(const Vm& vm, const Node& node);

/// One node looked at.
struct NodeVerdict {
  std::size_t node = 0;  ///< Its index among those looked at.
  std::string reason;    ///< Why it cannot take the VM, as a sentence; empty when it can.
};

/// The nodes that can take it, the best first, then the others, in the order they came.
/// Best: with KVM when that is preferred; not `reserved`; with the most memory left; by id.
std::vector<NodeVerdict> rank_nodes(std::span<const Node> nodes, const PlacementOrder& order,
                                    const PlacementRules& rules, Instant now);

/// The index of the best; nothing when no node can take it.
std::optional<std::size_t> choose_node(std::span<const Node> nodes, const PlacementOrder& order,
                                       const PlacementRules& rules, Instant now);

}  // namespace cadastre

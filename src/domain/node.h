// A node: a machine that runs VMs, as its agent tells of it and as the register has given its room away.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/quantity.h"
#include "base/result.h"
#include "base/time.h"
#include "domain/quota.h"
#include "domain/tenant_id.h"

namespace cadastre {

/// A node that was not heard of for so long, by the control plane's clock, is `Unknown`: three heartbeats of ten
/// seconds.
constexpr std::chrono::seconds node_silence_max{30};

enum class NodeStatus { ready, unknown, cordoned };

/// As the API spells it: `Ready`.
std::string_view name_of(NodeStatus status);

/// What an agent tells of its machine.
struct NodeFacts {
  std::string hostname;
  std::string boot_id;  ///< Changes when the machine starts anew (proc(5), random/boot_id); empty: not told.
  Mebibytes ram_total;
  Mebibytes ram_used;
  VcpuCount cores;
  std::int64_t cpu_load_pct = 0;
  Gigabytes disk_total;
  Gigabytes disk_used;
  bool kvm_available = false;  ///< As a probe guest proved it.
  bool reserved = false;       ///< Takes VMs only when no other node does.
  friend bool operator==(const NodeFacts&, const NodeFacts&) = default;
};

/// Refuses names of another shape and numbers out of bounds, with every wrong member.
Result<void> check_node_facts(const NodeFacts& facts);

/// True when the two say something else about the machine itself, not only about how busy it is.
bool is_another_machine_state(const NodeFacts& before, const NodeFacts& after);

struct Node {
  TenantId tenant;  ///< Who holds it.
  std::string id;
  std::string device;  ///< The device whose token its agent has; it ends with that device.
  Bytes<32> subject_key{};
  NodeFacts facts;
  bool cordoned = false;    ///< No further VM is placed on it.
  Usage placed;             ///< The sums over the VMs that are placed on it, whatever their state.
  std::int64_t wishes = 1;  ///< Raised whenever something is wished of one of its VMs; what its agent waits for.
  Instant enrolled_at;
  std::optional<Instant> last_heartbeat;  ///< By the control plane's clock.
  std::int64_t revision = 1;              ///< The ETag; raised at every change but a heartbeat that tells nothing new.
};

/// Cordoned goes before Unknown: it is what somebody decided.
NodeStatus status_of(const Node& node, Instant now);

/// What may still be given away: never below zero.
Mebibytes ram_available(const Node& node);
Gigabytes disk_available(const Node& node);

}  // namespace cadastre

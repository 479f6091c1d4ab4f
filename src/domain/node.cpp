#include "domain/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace cadastre {
namespace {

constexpr std::size_t text_max = 253;  // of a host name (RFC 1123 section 2.1, RFC 1035 section 2.3.4)

void check_count(std::vector<FieldError>& errors, const char* pointer, std::int64_t value, std::int64_t most) {
  if (value < 0 || value > most) errors.push_back({pointer, fmt::format("must be an integer from 0 to {}", most)});
}

void check_text(std::vector<FieldError>& errors, const char* pointer, std::string_view text) {
  const auto is_allowed = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  };
  if (text.empty() || text.size() > text_max || !std::ranges::all_of(text, is_allowed)) {
    errors.push_back({pointer, fmt::format("must have 1 to {} letters, digits, '.', '-' and '_'", text_max)});
  }
}

}  // namespace

std::string_view name_of(NodeStatus status) {
  switch (status) {
    case NodeStatus::ready: return "Ready";
    case NodeStatus::unknown: return "Unknown";
    case NodeStatus::cordoned: return "Cordoned";
  }
  std::unreachable();
}

Result<void> check_node_facts(const NodeFacts& facts) {
  std::vector<FieldError> errors;
  check_text(errors, "/hostname", facts.hostname);
  if (!facts.boot_id.empty()) check_text(errors, "/boot_id", facts.boot_id);
  check_count(errors, "/ram_total_mb", facts.ram_total.value, limit_max);
  check_count(errors, "/ram_used_mb", facts.ram_used.value, limit_max);
  check_count(errors, "/cpu_cores", facts.cores.value, limit_max);
  check_count(errors, "/cpu_load_pct", facts.cpu_load_pct, limit_max);
  check_count(errors, "/disk_total_gb", facts.disk_total.value, limit_max);
  check_count(errors, "/disk_used_gb", facts.disk_used.value, limit_max);
  return refuse_members(std::move(errors));
}

bool is_another_machine_state(const NodeFacts& before, const NodeFacts& after) {
  NodeFacts same_load = after;
  same_load.ram_used = before.ram_used;
  same_load.cpu_load_pct = before.cpu_load_pct;
  same_load.disk_used = before.disk_used;
  return same_load != before;
}

NodeStatus status_of(const Node& node, Instant now) {
  if (node.cordoned) return NodeStatus::cordoned;
  const bool is_silent = !node.last_heartbeat || now - *node.last_heartbeat > node_silence_max;
  return is_silent ? NodeStatus::unknown : NodeStatus::ready;
}

Mebibytes ram_available(const Node& node) {
  return std::max(Mebibytes{0}, node.facts.ram_total - std::max(node.facts.ram_used, node.placed.ram));
}

Gigabytes disk_available(const Node& node) {
  return std::max(Gigabytes{0}, node.facts.disk_total - std::max(node.facts.disk_used, node.placed.storage));
}

}  // namespace cadastre

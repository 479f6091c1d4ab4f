#include "domain/vm.h"

#include <fmt/format.h>

namespace cadastre {
namespace {

constexpr std::int64_t ram_mb_min = 1;
constexpr std::size_t ports_max = 32;

void check_range(std::vector<FieldError>& errors, const char* pointer, std::int64_t value, std::int64_t least) {
  if (value < least || value > limit_max) {
    errors.push_back({pointer, fmt::format("must be an integer from {} to {}", least, limit_max)});
  }
}

void check_name(std::vector<FieldError>& errors, const char* pointer, std::string_view text) {
  if (!is_resource_name(text)) {
    errors.push_back({pointer, "must have 1 to 63 letters, digits and single '-', and not start or end with '-'"});
  }
}

void check_ports(std::vector<FieldError>& errors, const std::vector<PortOrder>& ports) {
  if (ports.size() > ports_max) errors.push_back({"/ports", fmt::format("may have at most {} entries", ports_max)});
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].guest_port < 1 || ports[i].guest_port > 65535) {
      errors.push_back({fmt::format("/ports/{}/guest_port", i), "must be an integer from 1 to 65535"});
    }
    if (ports[i].protocol != "tcp" && ports[i].protocol != "udp") {
      errors.push_back({fmt::format("/ports/{}/protocol", i), "must be tcp or udp"});
    }
  }
}

}  // namespace

VmId VmId::draw(Random& random, Instant now) {
  Bytes<16> bytes;
  random.fill(bytes);
  const auto ms = static_cast<std::uint64_t>(ms_since_epoch(now));
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
  bytes[6] = static_cast<std::uint8_t>(0x70U | (bytes[6] & 0x0FU));
  bytes[8] = static_cast<std::uint8_t>(0x80U | (bytes[8] & 0x3FU));
  return VmId(bytes);
}

std::optional<VmId> VmId::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash_here = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash_here != (text[i] == '-')) return std::nullopt;
    if (!dash_here) digits += text[i];
  }
  const auto bytes = decode_hex(digits);
  if (!bytes) return std::nullopt;
  return VmId(*exactly<16>(*bytes));
}

std::string VmId::text() const {
  std::string text = encode_hex(bytes_);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) text.insert(dash, 1, '-');
  return text;
}

std::string_view name_of(VmState state) {
  switch (state) {
    case VmState::provisioning: return "Provisioning";
    case VmState::running: return "Running";
    case VmState::stopped: return "Stopped";
    case VmState::error: return "Error";
    case VmState::deleting: return "Deleting";
  }
  std::unreachable();
}

std::optional<VmState> parse_vm_state(std::string_view text) {
  for (const auto state :
       {VmState::provisioning, VmState::running, VmState::stopped, VmState::error, VmState::deleting}) {
    if (name_of(state) == text) return state;
  }
  return std::nullopt;
}

std::string_view name_of(RestartPolicy policy) {
  switch (policy) {
    case RestartPolicy::never: return "never";
    case RestartPolicy::on_failure: return "on_failure";
    case RestartPolicy::always: return "always";
  }
  std::unreachable();
}

std::optional<RestartPolicy> parse_restart_policy(std::string_view text) {
  for (const auto policy : {RestartPolicy::never, RestartPolicy::on_failure, RestartPolicy::always}) {
    if (name_of(policy) == text) return policy;
  }
  return std::nullopt;
}

Result<void> check_vm_order(const VmOrder& order) {
  std::vector<FieldError> errors;
  check_name(errors, "/vm_type", order.vm_type);
  if (!order.name.empty()) check_name(errors, "/name", order.name);
  if (!order.preferred_node.empty()) check_name(errors, "/preferred_node", order.preferred_node);
  check_range(errors, "/ram_mb", order.ram.value, ram_mb_min);
  check_range(errors, "/vcpu_count", order.vcpus.value, 1);
  check_range(errors, "/disk_gb", order.disk.value, 0);
  check_ports(errors, order.ports);
  if (!order.restart_policy) errors.push_back({"/restart_policy", "must be never, on_failure or always"});
  return refuse_members(std::move(errors));
}

Result<void> admit_wish(const Vm& vm, VmWish wish) {
  if (vm.state != VmState::deleting) return {};
  return refuse(Code::conflict, "state",
                fmt::format("The VM is being deleted and cannot be {}.", wish == VmWish::run ? "started" : "stopped"));
}

}  // namespace cadastre

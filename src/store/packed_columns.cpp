#include "store/packed_columns.h"

#include "base/json.h"
#include "service/ports.h"
#include "store/tenant_row.h"

namespace cadastre {
namespace {

constexpr std::int64_t first_generation = 1;

void append_ports(std::string& out, const std::vector<PortOrder>& ports) {
  out += '[';
  for (const PortOrder& port : ports) {
    if (out.back() != '[') out += ',';
    json::Object(out).field("guest_port", port.guest_port).field("protocol", port.protocol).end();
  }
  out += ']';
}

void append_ports(std::string& out, const std::vector<HostPort>& ports) {
  out += '[';
  for (const HostPort& port : ports) {
    if (out.back() != '[') out += ',';
    json::Object(out)
        .field("host_port", port.host_port)
        .field("guest_port", port.guest_port)
        .field("protocol", port.protocol)
        .end();
  }
  out += ']';
}

int port_number(const json::Value& port, std::string_view name) {
  const json::Value* const found = port.find(name);
  const auto number = found != nullptr ? found->integer() : std::nullopt;
  if (!number || *number < 0 || *number > 65535) throw StoreFailure("the database holds a port that is none");
  return static_cast<int>(*number);
}

/// `otherwise` when there is no such member. Throws StoreFailure on less than that: neither count ever goes back.
std::int64_t count_member(const json::Value& value, std::string_view name, std::int64_t otherwise) {
  const json::Value* const found = value.find(name);
  if (found == nullptr) return otherwise;
  const auto number = found->integer();
  if (!number || *number < otherwise) throw StoreFailure("the database holds a count of a VM that is none");
  return *number;
}

std::string text_member(const json::Value& value, std::string_view name) {
  const json::Value* const found = value.find(name);
  return found != nullptr ? found->text : std::string();
}

std::vector<HostPort> host_ports_of(const json::Value& value) {
  std::vector<HostPort> host_ports;
  const json::Value* const ports = value.find("host_ports");
  if (ports == nullptr) return host_ports;
  for (const json::Value& port : ports->elements) {
    host_ports.push_back(
        {port_number(port, "host_port"), port_number(port, "guest_port"), text_member(port, "protocol")});
  }
  return host_ports;
}

}  // namespace

std::string encode_vm_details(const Vm& vm) {
  const bool has_ports = !vm.ports.empty() || !vm.host_ports.empty();
  const bool has_counts = vm.generation != first_generation || vm.reboots != 0;
  const bool has_policy = vm.restart_policy != RestartPolicy::never;
  const bool has_order = vm.prefer_kvm || !vm.preferred_node.empty() || has_ports || has_policy;
  if (!has_order && !has_counts && !vm.pool) return {};
  std::string out;
  json::Object object(out);
  if (vm.prefer_kvm) object.field("prefer_kvm", true);
  if (!vm.preferred_node.empty()) object.field("preferred_node", vm.preferred_node);
  if (!vm.ports.empty()) append_ports(object.key("ports"), vm.ports);
  if (!vm.host_ports.empty()) append_ports(object.key("host_ports"), vm.host_ports);
  if (vm.generation != first_generation) object.field("generation", vm.generation);
  if (vm.reboots != 0) object.field("reboots", vm.reboots);
  if (has_policy) object.field("restart_policy", name_of(vm.restart_policy));
  if (vm.pool) object.field("pool", vm.pool->text());
  object.end();
  return out;
}

void decode_vm_details(std::string_view text, Vm& vm) {
  constexpr int depth_max = 3;
  const auto details = json::parse(text, depth_max).value;
  if (!details) throw StoreFailure("the database holds VM details that are not JSON");
  const json::Value* const prefer_kvm = details->find("prefer_kvm");
  vm.prefer_kvm = prefer_kvm != nullptr && prefer_kvm->boolean;
  vm.preferred_node = text_member(*details, "preferred_node");
  vm.generation = count_member(*details, "generation", first_generation);
  vm.reboots = count_member(*details, "reboots", 0);
  if (const json::Value* const policy = details->find("restart_policy")) {
    const auto known = parse_restart_policy(policy->text);
    if (!known) throw StoreFailure("the database holds a restart policy that is none");
    vm.restart_policy = *known;
  }
  if (const auto* const ports = details->find("ports")) {
    for (const json::Value& port : ports->elements) {
      vm.ports.push_back({port_number(port, "guest_port"), text_member(port, "protocol")});
    }
  }
  vm.host_ports = host_ports_of(*details);
  if (const std::string pool = text_member(*details, "pool"); !pool.empty()) vm.pool = tenant_id_of(pool);
}

std::string encode_report(const GuestReport& report) {
  std::string out;
  json::Object object(out);
  object.field("generation", report.generation).field("state", name_of(report.state));
  if (!report.error.empty()) object.field("error", report.error);
  if (!report.host_ports.empty()) append_ports(object.key("host_ports"), report.host_ports);
  object.end();
  return out;
}

GuestReport decode_report(std::string_view text, const VmId& vm) {
  constexpr int depth_max = 3;
  const auto report = json::parse(text, depth_max).value;
  const auto state = report ? parse_reported_state(text_member(*report, "state")) : std::nullopt;
  if (!state) throw StoreFailure("the database holds a report of a guest that is none");
  return {.vm = vm,
          .generation = count_member(*report, "generation", 0),
          .state = *state,
          .error = text_member(*report, "error"),
          .host_ports = host_ports_of(*report)};
}

std::string join_ids(const std::vector<Bytes<32>>& ids) {
  std::string bytes;
  bytes.reserve(ids.size() * std::tuple_size_v<Bytes<32>>);
  for (const Bytes<32>& id : ids) bytes += as_text(id);
  return bytes;
}

std::vector<Bytes<32>> split_ids(std::string_view bytes) {
  constexpr std::size_t width = std::tuple_size_v<Bytes<32>>;
  if (bytes.size() % width != 0) throw StoreFailure("the database holds a list of digests that are none");
  std::vector<Bytes<32>> ids;
  for (; !bytes.empty(); bytes.remove_prefix(width)) ids.push_back(*exactly<width>(bytes.substr(0, width)));
  return ids;
}

RateBudget stored_rate(std::string_view bytes) {
  auto rate = RateBudget::decode(bytes);
  if (!rate) throw StoreFailure("the database holds a count of requests that is none");
  return *std::move(rate);
}

std::optional<ByteView> bytes_or_null(const std::string& joined) {
  return joined.empty() ? std::nullopt : std::optional(as_bytes(joined));
}

}  // namespace cadastre

// `cadastre vm`: the virtual machines of the token's tenant.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "api.h"
#include "body.h"
#include "verb.h"

namespace cadastre {
namespace {

struct OrderArguments {
  std::string type;
  std::optional<std::int64_t> ram_mb;
  std::optional<std::int64_t> vcpus;
  std::optional<std::int64_t> disk_gb;
  std::string name;
  std::string node;
  std::string restart;
  std::vector<std::string> ports;
  bool prefers_kvm = false;
};

struct ListArguments {
  std::string state;
  std::string node;
  std::string name;
  std::optional<std::int64_t> limit;
};

struct Arguments {
  std::string id;
};

void describe_order(Verb& verb, OrderArguments& order) {
  verb.option("--type", order.type, "NAME", "the image it is made from", Presence::required)
      .option("--ram-mb", order.ram_mb, {.least = 1}, "memory in MiB", Presence::required)
      .option("--vcpus", order.vcpus, {.least = 1}, "virtual processors", Presence::required)
      .option("--disk-gb", order.disk_gb, {.least = 0}, "disk in GB, 8 unless it is said; 0 is a VM without one")
      .option("--name", order.name, "NAME", "a name of your own for it")
      .option("--port", order.ports, "PORT", "a port inside the VM to be reached from outside: 22, or 53/udp")
      .option("--preferred-node", order.node, "NODE", "the one machine it may run on")
      .choice("--restart", order.restart, {"never", "on_failure", "always"},
              "whether its machine starts it again when it stops by itself; never, unless it is said")
      .flag("--prefer-kvm", order.prefers_kvm, "machines with hardware virtualisation come first");
}

void describe_list(Verb& verb, ListArguments& arguments) {
  verb.choice("--state", arguments.state, {"Provisioning", "Running", "Stopped", "Error", "Deleting"},
              "only those in this state")
      .option("--node", arguments.node, "NODE", "only those on this machine")
      .option("--name", arguments.name, "NAME", "only those with this name");
  add_limit(verb, arguments.limit);
}

void describe_id(Verb& verb, Arguments& arguments) { verb.argument("VM_ID", arguments.id, "the VM"); }

/// `22` or `53/udp` as the API has it.
std::string port_of(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string_view digits = std::string_view(text).substr(0, slash);
  std::int64_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const std::string protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1);
  const bool is_port = error == std::errc{} && end == digits.data() + digits.size() && port >= 1 && port <= 65535;
  if (!is_port || (protocol != "tcp" && protocol != "udp")) {
    usage_error(fmt::format("--port must be a port such as 22 or 53/udp, not \"{}\"", text));
  }
  return Body().add("guest_port", port).add("protocol", protocol).text();
}

std::string ports_of(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) (list += list.empty() ? "[" : ",") += port_of(text);
  return list.empty() ? list : list + "]";
}

ExitCode create(Program& program, const OrderArguments& order) {
  const std::string body = Body()
                               .add("vm_type", order.type)
                               .add("ram_mb", order.ram_mb)
                               .add("vcpu_count", order.vcpus)
                               .add("disk_gb", order.disk_gb)
                               .add("name", order.name)
                               .flag("prefer_kvm", order.prefers_kvm)
                               .add("preferred_node", order.node)
                               .add("restart_policy", order.restart)
                               .raw("ports", ports_of(order.ports))
                               .text();
  return print_record(program, Api(program).call("POST", "/v1/vms", body));
}

ExitCode list(Program& program, const ListArguments& arguments) {
  const std::string query =
      Parameters().add("state", arguments.state).add("node_id", arguments.node).add("name", arguments.name).text();
  return print_list(program, "vms", Api(program).list("/v1/vms" + query, "vms", arguments.limit),
                    {{"VM", "vm_id"},
                     {"STATE", "state"},
                     {"TYPE", "vm_type"},
                     {"NAME", "name"},
                     {"RAM MB", "ram_alloc_mb"},
                     {"VCPUS", "vcpu_count"},
                     {"DISK GB", "disk_gb"},
                     {"NODE", "node_id"},
                     {"CREATED", "created_at"}});
}

std::string path_of(const Arguments& arguments) { return "/v1/vms/" + escaped(arguments.id); }

ExitCode get(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("GET", path_of(arguments)));
}

ExitCode start(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("POST", path_of(arguments) + "/start", "{}"));
}

ExitCode stop(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("POST", path_of(arguments) + "/stop", "{}"));
}

ExitCode reboot(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("POST", path_of(arguments) + "/reboot", "{}"));
}

/// The lines without what could steer a terminal: a guest writes what it likes.
std::string harmless(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    while (line.ends_with('\r')) line.remove_suffix(1);
    (out += printable(line)) += '\n';
  }
  return out;
}

/// Byte for byte, but for a terminal.
ExitCode console(Program& program, const Arguments& arguments) {
  const http::Reply reply = Api(program).call("GET", path_of(arguments) + "/console");
  const std::string shown = ::isatty(STDOUT_FILENO) != 0 ? harmless(reply.body) : reply.body;
  if (std::fwrite(shown.data(), 1, shown.size(), stdout) != shown.size())
    file_error("the console cannot be written out");
  return ExitCode::ok;
}

ExitCode remove(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("DELETE", path_of(arguments)));
}

}  // namespace

void add_vm_verbs(CLI::App& app, Program& program) {
  CLI::App& vm = add_noun(app, "vm", "the virtual machines of the token's tenant");
  add_verb<OrderArguments>(vm, program, "create", "take a VM; it is charged until it is deleted", describe_order,
                           create);
  add_verb<ListArguments>(vm, program, "list", "show the tenant's VMs", describe_list, list);
  add_verb<Arguments>(vm, program, "get", "show one", describe_id, get);
  add_verb<Arguments>(vm, program, "start", "wish it to run", describe_id, start);
  add_verb<Arguments>(vm, program, "stop", "wish it to stop", describe_id, stop);
  add_verb<Arguments>(vm, program, "reboot", "wish it to start anew", describe_id, reboot);
  add_verb<Arguments>(vm, program, "console", "show what its guest last wrote to its serial console", describe_id,
                      console);
  add_verb<Arguments>(vm, program, "delete", "delete it", describe_id, remove);
}

}  // namespace cadastre

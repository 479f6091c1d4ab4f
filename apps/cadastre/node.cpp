// `cadastre node`: the machines that the VMs of the token's tenant run on.
#include <fmt/format.h>

#include "api.h"
#include "verb.h"

namespace cadastre {
namespace {

constexpr unsigned done = 204;

struct Arguments {
  std::string id;
};

struct ListArguments {
  std::optional<std::int64_t> limit;
};

struct RemoveArguments {
  std::string id;
  bool is_lost = false;
};

struct PlacementArguments {
  std::optional<std::int64_t> ram_mb;
  std::optional<std::int64_t> vcpus;
  std::optional<std::int64_t> disk_gb;
  std::string node;
  bool prefers_kvm = false;
};

void describe_id(Verb& verb, Arguments& arguments) { verb.argument("NODE_ID", arguments.id, "the node"); }

void describe_list(Verb& verb, ListArguments& arguments) { add_limit(verb, arguments.limit); }

void describe_remove(Verb& verb, RemoveArguments& arguments) {
  verb.argument("NODE_ID", arguments.id, "the node")
      .flag("--lost", arguments.is_lost, "its machine is gone for good: the VMs on it are in Error from now on");
}

void describe_placement(Verb& verb, PlacementArguments& order) {
  verb.option("--ram-mb", order.ram_mb, {.least = 0}, "memory in MiB", Presence::required)
      .option("--vcpus", order.vcpus, {.least = 1}, "virtual processors, 1 unless it is said")
      .option("--disk-gb", order.disk_gb, {.least = 0}, "disk in GB, none unless it is said")
      .option("--preferred-node", order.node, "NODE", "the one machine it may run on")
      .flag("--prefer-kvm", order.prefers_kvm, "machines with hardware virtualisation come first");
}

std::string path_of(const std::string& id) { return "/v1/nodes/" + escaped(id); }

ExitCode list(Program& program, const ListArguments& arguments) {
  return print_list(program, "nodes", Api(program).list("/v1/nodes", "nodes", arguments.limit),
                    {{"NODE", "node_id"},
                     {"STATUS", "status"},
                     {"CORDONED", "cordoned"},
                     {"VMS", "vm_count"},
                     {"FREE RAM MB", "ram_available_mb"},
                     {"FREE DISK GB", "disk_available_gb"},
                     {"CORES", "cpu_cores"},
                     {"LOAD %", "cpu_load_pct"},
                     {"KVM", "kvm_available"},
                     {"HEARD OF", "last_heartbeat"}});
}

ExitCode get(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("GET", path_of(arguments.id)));
}

ExitCode cordon(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("POST", path_of(arguments.id) + "/cordon"));
}

ExitCode uncordon(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("POST", path_of(arguments.id) + "/uncordon"));
}

ExitCode drain(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("POST", path_of(arguments.id) + "/drain"));
}

/// The refusal with the parameter that it advises as this program spells it.
std::string refusal_of(const http::Reply& reply) {
  constexpr std::string_view parameter = "?lost=true";
  std::string sentence = problem_sentence(reply);
  if (const std::size_t at = sentence.find(parameter); at != std::string::npos)
    sentence.replace(at, parameter.size(), "--lost");
  return sentence;
}

ExitCode remove(Program& program, const RemoveArguments& arguments) {
  const http::Reply reply =
      Api(program).send("DELETE", path_of(arguments.id) + (arguments.is_lost ? "?lost=true" : ""));
  if (reply.status != done) throw Failure(ExitCode::refused, refusal_of(reply));
  return ExitCode::ok;
}

/// In the order in which they would be taken; the first takes the VM when it fits there.
ExitCode placement(Program& program, const PlacementArguments& order) {
  const std::string query = Parameters()
                                .add("ram_mb", order.ram_mb)
                                .add("vcpu_count", order.vcpus)
                                .add("disk_gb", order.disk_gb)
                                .add("prefer_kvm", order.prefers_kvm ? "true" : "")
                                .add("preferred_node", order.node)
                                .text();
  const http::Reply reply = Api(program).call("GET", "/v1/placement" + query);
  if (program.options.format() == OutputFormat::json) return print_record(program, reply);
  const json::Value advice = parse_document(reply.body, "the server's answer");
  const json::Value* const nodes = advice.find("nodes");
  return print_list(
      program, "nodes", nodes != nullptr ? nodes->elements : std::vector<json::Value>(),
      {{"NODE", "node_id"}, {"FITS", "fits"}, {"FREE RAM MB", "ram_available_mb"}, {"WHY NOT", "reason"}});
}

}  // namespace

void add_node_verbs(CLI::App& app, Program& program) {
  CLI::App& node = add_noun(app, "node", "the machines that the tenant's VMs run on; service-vm-host enrols them");
  add_verb<ListArguments>(node, program, "list", "show the tenant's", describe_list, list);
  add_verb<Arguments>(node, program, "get", "show one", describe_id, get);
  add_verb<Arguments>(node, program, "cordon", "place no further VM on it; those that are there run on", describe_id,
                      cordon);
  add_verb<Arguments>(node, program, "uncordon", "place VMs on it again", describe_id, uncordon);
  add_verb<Arguments>(node, program, "drain", "cordon it, and wish its VMs to stop", describe_id, drain);
  add_verb<RemoveArguments>(node, program, "remove", "forget one that has no VM any more", describe_remove, remove);
  add_verb<PlacementArguments>(node, program, "placement", "where a VM would go, and why nowhere else; takes nothing",
                               describe_placement, placement);
}

}  // namespace cadastre

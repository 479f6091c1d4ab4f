// `cadastre tenant`: the tenants of a platform.
#include <fmt/format.h>

#include <charconv>

#include "api.h"
#include "body.h"
#include "domain/tenant_id.h"
#include "verb.h"

namespace cadastre {
namespace {

constexpr std::int64_t limit_max = 1'000'000'000;

struct Arguments {
  std::string tenant;
  std::string display_name;
  std::optional<std::int64_t> max_vms;
  std::optional<std::int64_t> storage_gb;
  std::optional<std::int64_t> rate_rpm;
  std::string max_ram_mb;
  std::string max_vcpus;
  bool force = false;
};

struct ListArguments {
  std::optional<std::int64_t> limit;
};

void describe_list(Verb& verb, ListArguments& arguments) { add_limit(verb, arguments.limit); }

void describe_tenant(Verb& verb, Arguments& arguments) { verb.argument("TENANT", arguments.tenant, "the tenant's id"); }

void describe_limits(Verb& verb, Arguments& arguments, Presence presence) {
  constexpr Bounds bounds{.least = 0, .most = limit_max};
  verb.option("--display-name", arguments.display_name, "TEXT", "its name for people", presence)
      .option("--max-vms", arguments.max_vms, bounds, "the most VMs at once", presence)
      .option("--storage-quota-gb", arguments.storage_gb, bounds, "the most disk of its VMs together in GB", presence)
      .option("--api-rate-limit-rpm", arguments.rate_rpm, bounds, "the most requests in any 60 seconds", presence)
      .option("--max-ram-mb", arguments.max_ram_mb, "N|none", "the most memory of its VMs together in MiB, or none")
      .option("--max-vcpus", arguments.max_vcpus, "N|none", "the most virtual processors together, or none");
}

void describe_create(Verb& verb, Arguments& arguments) {
  describe_tenant(verb, arguments);
  describe_limits(verb, arguments, Presence::required);
}

void describe_update(Verb& verb, Arguments& arguments) {
  describe_tenant(verb, arguments);
  describe_limits(verb, arguments, Presence::optional);
  verb.flag("--force", arguments.force, "set a limit below what is in use; nothing is evicted");
}

/// The JSON of a number, or of the `none` that takes a limit away; empty for what was not given.
std::string or_null(const char* flag, const std::string& text) {
  if (text.empty()) return text;
  if (text == "none") return "null";
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0 || number > limit_max) {
    usage_error(fmt::format("{} must be a number from 0 to {}, or none", flag, limit_max));
  }
  return std::to_string(number);
}

std::string limits_body(const Arguments& arguments, const std::string& tenant) {
  return Body()
      .add("tenant_id", tenant)
      .add("display_name", arguments.display_name)
      .add("max_vms", arguments.max_vms)
      .add("storage_quota_gb", arguments.storage_gb)
      .add("api_rate_limit_rpm", arguments.rate_rpm)
      .raw("max_ram_mb", or_null("--max-ram-mb", arguments.max_ram_mb))
      .raw("max_vcpus", or_null("--max-vcpus", arguments.max_vcpus))
      .text();
}

std::string path_of(const Arguments& arguments) {
  const auto tenant = TenantId::parse(arguments.tenant);
  if (!tenant) usage_error(fmt::format("TENANT {}", tenant.error().errors.front().detail));
  return "/v1/tenants/" + tenant->text();
}

ExitCode create(Program& program, const Arguments& arguments) {
  path_of(arguments);
  return print_record(program, Api(program).call("POST", "/v1/tenants", limits_body(arguments, arguments.tenant)));
}

ExitCode update(Program& program, const Arguments& arguments) {
  const std::string body = limits_body(arguments, "");
  if (body == "{}") usage_error("say what is to change, such as --max-vms 12");
  return print_record(program,
                      Api(program).call("PATCH", path_of(arguments) + (arguments.force ? "?force=true" : ""), body));
}

ExitCode get(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("GET", path_of(arguments)));
}

ExitCode suspend(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("POST", path_of(arguments) + "/suspend", "{}"));
}

ExitCode resume(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("POST", path_of(arguments) + "/resume", "{}"));
}

ExitCode remove(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("DELETE", path_of(arguments)));
}

ExitCode list(Program& program, const ListArguments& arguments) {
  return print_list(program, "tenants", Api(program).list("/v1/tenants", "tenants", arguments.limit),
                    {{"TENANT", "tenant_id"},
                     {"STATE", "state"},
                     {"VMS", "usage.vms"},
                     {"MAX VMS", "max_vms"},
                     {"GB", "usage.storage_gb"},
                     {"MAX GB", "storage_quota_gb"},
                     {"REQUESTS/MIN", "api_rate_limit_rpm"},
                     {"NAME", "display_name"}});
}

}  // namespace

void add_tenant_verbs(CLI::App& app, Program& program) {
  CLI::App& tenant = add_noun(app, "tenant", "the tenants of the platform");
  add_verb<Arguments>(tenant, program, "create", "register a tenant; its id is taken for ever", describe_create,
                      create);
  add_verb<ListArguments>(tenant, program, "list", "show all tenants", describe_list, list);
  add_verb<Arguments>(tenant, program, "get", "show one", describe_tenant, get);
  add_verb<Arguments>(tenant, program, "update", "change its name for people and its limits", describe_update, update);
  add_verb<Arguments>(tenant, program, "suspend", "let its tokens read and no more", describe_tenant, suspend);
  add_verb<Arguments>(tenant, program, "resume", "end a suspension", describe_tenant, resume);
  add_verb<Arguments>(tenant, program, "delete", "delete an empty tenant and end its tokens", describe_tenant, remove);
}

}  // namespace cadastre

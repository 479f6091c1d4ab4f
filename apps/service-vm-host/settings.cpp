#include "settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include "apps/settings/table.h"
#include "base/arguments.h"
#include "domain/device.h"
#include "domain/guest.h"
#include "host_state.h"
#include "http/client.h"

namespace cadastre {
namespace {

using Row = SettingRow<Settings>;

const SettingsTable<Settings>& table() {
  static const SettingsTable<Settings> table(
      "CADASTRE_HOST_",
      {
          {.name = "controller",
           .member = &Settings::controller,
           .help = "the control plane's URL for agents, such as https://cp.example:9203",
           .older_variables = {"FLEET_CONTROLLER_URL", "VM_FLEET_ENDPOINT"}},
          {.name = "tenant",
           .member = &Settings::tenant,
           .help = "the tenant that holds this node",
           .older_variables = {"TENANT_ID"}},
          {.name = "node-id",
           .member = &Settings::node_id,
           .help = "this node's name: letters, digits, '.', '_' and '-'",
           .older_variables = {"NODE_ID", "VM_NODE_ID"}},
          {"state-dir", &Settings::state_dir, "where the node's key, its token and its guests lie"},
          {"ca-file", &Settings::ca_file, "PEM file with the authorities to trust in place of the system's"},
          {"libvirt-uri", &Settings::libvirt_uri,
           "the hypervisor; qemu:///system for root and qemu:///session for others unless it is set"},
          {"acceleration", &Settings::acceleration,
           "auto, kvm or tcg; auto takes KVM where a probe guest runs with it"},
          {"guests-dir", &Settings::guests_dir, "where the guests' disks lie; in the state directory unless it is set"},
          {"images-dir", &Settings::images_dir,
           "a folder for each vm_type, with kernel, initrd and cmdline, or disk.qcow2 or disk.raw; images in the state "
           "directory unless it is set"},
          {"kernel", &Settings::kernel, "a Linux kernel that boots every type without a folder of its own"},
          {"initrd", &Settings::initrd, "its initial RAM disk"},
          {"cmdline", &Settings::cmdline, "its command line"},
          {"image", &Settings::image, "a qcow2 image that boots every type without a folder of its own"},
          {"reserved", &Settings::reserved, "take VMs only when no other node does"},
          {"heartbeat-seconds", &Settings::heartbeat_seconds, "how often the control plane hears that the node lives",
           1, 25},
          {"shutdown-grace-seconds", &Settings::shutdown_grace_seconds,
           "how long a guest that is to stop may take before it is ended", 0, 3600},
          {"delete-grace-seconds", &Settings::delete_grace_seconds,
           "how long a guest that is to be deleted may take to end by itself", 0, 3600},
          {"log-format", &Settings::log_format, "json or text"},
          {"log-level", &Settings::log_level, "debug, info, warning or error"},
      });
  return table;
}

/// These go before the file, as their newer names do.
void apply_older_variables(const CLI::App& app, Settings& settings) {
  for (const Row& row : table().rows()) {
    if (app.get_option("--" + row.name)->count() > 0) continue;
    for (const char* const name : row.older_variables) {
      const char* const value = std::getenv(name);  // no thread of ours changes the environment
      if (value == nullptr || *value == '\0') continue;
      settings.*std::get<std::string Settings::*>(row.member) = value;
      break;
    }
  }
}

/// What was enrolled stands where nothing else is said. To run, only the URL may be another.
void apply_enrolment(Settings& settings) {
  const auto enrolled = HostState(settings.state_dir).find_enrolment();
  if (!enrolled && settings.command == HostCommand::run) {
    throw std::invalid_argument(
        fmt::format("nothing is enrolled in {}: run `service-vm-host enrol` first", settings.state_dir));
  }
  if (!enrolled) return;
  const auto take = [&](const char* name, std::string& value, const std::string& known) {
    if (value.empty()) value = known;
    if (settings.command == HostCommand::run && value != known)
      wrong(name,
            fmt::format("must be \"{}\", as this node was enrolled, not \"{}\": enrol it again, or choose another "
                        "state-dir",
                        known, value));
  };
  if (settings.controller.empty()) settings.controller = enrolled->controller;
  take("tenant", settings.tenant, enrolled->tenant);
  take("node-id", settings.node_id, enrolled->node_id);
}

void check_path(const std::string& name, const std::string& path) {
  if (!path.empty() && !path.starts_with('/')) wrong(name, "must be an absolute path");
}

void check_identity(Settings& settings) {
  while (settings.controller.ends_with('/')) settings.controller.pop_back();
  if (settings.controller.empty())
    wrong("controller", "must say where the control plane listens to agents, such as https://cp.example:9203");
  if (!http::ServerUrl::parse(settings.controller)) wrong("controller", "must be an http or https URL");
  if (!TenantId::parse(settings.tenant)) wrong("tenant", "must name the tenant that holds this node");
  if (!check_device_id(settings.node_id))
    wrong("node-id", "must have 1 to 63 letters, digits, '.', '_' and '-', the first a letter or digit");
}

void check(Settings& settings) {
  table().check_bounds(settings);
  if (settings.state_dir.empty()) wrong("state-dir", "must not be empty");
  if (settings.guests_dir.empty()) settings.guests_dir = HostState(settings.state_dir).guests_folder();
  if (settings.images_dir.empty()) settings.images_dir = HostState(settings.state_dir).images_folder();
  if (settings.libvirt_uri.empty()) settings.libvirt_uri = ::geteuid() == 0 ? "qemu:///system" : "qemu:///session";
  check_one_of("log-format", settings.log_format, {"json", "text"});
  check_one_of("log-level", settings.log_level, {"debug", "info", "warning", "error"});
  if (!parse_acceleration_wish(settings.acceleration))
    check_one_of("acceleration", settings.acceleration, {"auto", "kvm", "tcg"});
  for (const char* const name : {"state-dir", "guests-dir", "images-dir", "kernel", "initrd", "image"}) {
    const auto row = std::ranges::find(table().rows(), name, &Row::name);
    check_path(name, settings.*std::get<std::string Settings::*>(row->member));
  }
  if (!settings.kernel.empty() && !settings.image.empty()) wrong("image", "cannot be set beside kernel");
  if (settings.kernel.empty() && !settings.initrd.empty()) wrong("initrd", "needs kernel");
  if (settings.command == HostCommand::run || settings.command == HostCommand::enrol) check_identity(settings);
  if (!settings.token_file.empty() && !settings.challenge.empty())
    wrong("challenge", "cannot be set beside token-file");
}

}  // namespace

std::optional<Exit> parse_settings(int argc, char** argv, Settings& settings) {
  CLI::App app("service-vm-host: the agent that makes this machine's guests what the control plane wishes",
               "service-vm-host");
  app.fallthrough();
  table().add_to(app, settings);
  app.add_option("--config", settings.config, "a TOML file of settings, named as the flags are")
      ->envname("CADASTRE_HOST_CONFIG");
  const auto add_command = [&](const char* flag, HostCommand command, const char* help) {
    app.add_flag_function(flag, [&settings, command](std::int64_t) { settings.command = command; }, help);
  };
  add_command("--print-config", HostCommand::print_config, "show the settings in force and exit");
  add_command("--print-pubkey", HostCommand::print_pubkey, "show this node's public key and its fingerprint, and exit");
  add_command("--generate-keypair", HostCommand::generate_keypair,
              "make this node's key pair, show its public key, and exit");
  CLI::App* const enrol = app.add_subcommand("enrol", "enter this machine as a node of the tenant");
  enrol->add_option("--token-file", settings.token_file, "a file with a token of an administrator of the tenant");
  enrol->add_option("--challenge", settings.challenge,
                    "a file with the challenge that an administrator drew for this node's key");
  app.add_subcommand("run", "see to this machine's guests; so it does without a subcommand, too");
  app.require_subcommand(0, 1);
  try {
    auto arguments = with_ids_last({argv, static_cast<std::size_t>(argc)});
    std::ranges::reverse(arguments);  // as the parser takes them
    app.parse(std::move(arguments));
    if (enrol->parsed()) settings.command = HostCommand::enrol;
    if (!settings.config.empty()) table().apply_file(settings.config, app, settings);
    apply_older_variables(app, settings);
    apply_enrolment(settings);
    check(settings);
  } catch (const CLI::ParseError& error) {
    return Exit{app.exit(error) == 0 ? 0 : 2};
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "service-vm-host: {}\n", error.what());
    return Exit{2};
  } catch (const std::runtime_error& error) {  // a file of the state directory that cannot be read
    fmt::print(stderr, "service-vm-host: {}\n", error.what());
    return Exit{2};
  }
  return std::nullopt;
}

std::string encode_settings(const Settings& settings) {
  return table().encode(settings, [](const std::string& text) { return text; });
}

}  // namespace cadastre

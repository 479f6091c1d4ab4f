// The settings of service-vm-host: flags, then environment, then the configuration file, then what was enrolled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cadastre {

/// What the program is asked to do.
enum class HostCommand { run, enrol, print_config, print_pubkey, generate_keypair };

struct Settings {
  HostCommand command = HostCommand::run;
  std::string controller;  ///< The control plane's URL for agents, without a last slash.
  std::string tenant;
  std::string node_id;
  std::string state_dir = "/var/lib/cadastre-host";
  std::string ca_file;
  std::string libvirt_uri;  ///< By who runs it when it is not set.
  std::string acceleration = "auto";
  std::string guests_dir;  ///< In the state directory when it is not set.
  std::string images_dir;  ///< The same.
  std::string kernel;      ///< What boots a type without an image of its own: a kernel,
  std::string initrd;
  std::string cmdline = "console=ttyS0 panic=-1";
  std::string image;  ///< or a disk image; at most one of the two.
  bool reserved = false;
  std::int64_t heartbeat_seconds = 10;
  std::int64_t shutdown_grace_seconds = 30;
  std::int64_t delete_grace_seconds = 5;
  std::string log_format = "json";
  std::string log_level = "info";
  std::string config;  ///< The file read, if any.

  // Of the subcommand `enrol`.
  std::string token_file;
  std::string challenge;
};

/// What `parse_settings` found instead of settings to go on with.
struct Exit {
  int code = 0;
};

/// Reads flags, environment (`CADASTRE_HOST_STATE_DIR` for `--state-dir`, and the older `FLEET_CONTROLLER_URL`,
/// `VM_FLEET_ENDPOINT`, `TENANT_ID`, `NODE_ID`, `VM_NODE_ID`), the TOML file, and what the state directory says was
/// enrolled. Prints help or what is wrong, naming the setting, and then answers the exit code: 0 for help, 2 for a
/// wrong setting.
std::optional<Exit> parse_settings(int argc, char** argv, Settings& settings);

/// The settings as the TOML file that would make them.
std::string encode_settings(const Settings& settings);

}  // namespace cadastre

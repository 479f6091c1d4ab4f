// The settings of service-vm-tenant: flags, then environment, then the configuration file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cadastre {

struct Settings {
  std::string listen = "127.0.0.1:9221";
  std::string fleet_listen = "127.0.0.1:9203";  ///< Empty: nobody is listened to there.
  bool is_fleet_listen_given = false;           ///< Whether somebody chose it.
  std::string fleet_url;                        ///< How agents reach it; from `fleet_listen` when it is not set.
  std::string tls_cert;                         ///< PEM file; with `tls_key` or not at all.
  std::string tls_key;
  std::string tls_client_ca;     ///< PEM file; administrators' certificates are asked for when it is set.
  bool insecure_listen = false;  ///< Whether others than this machine may be listened to without TLS.
  std::string data_dir = "/var/lib/cadastre";
  std::string store;       ///< As store/open_store.h knows them; in the data directory when it is not set.
  std::string public_url;  ///< The issuer; from the first start's when it is not set.
  std::string deployment = "local";
  std::string log_format = "json";
  std::string log_level = "info";
  std::string verify = "edge";
  std::int64_t threads = 0;  ///< I/O threads; 0: one per core.
  std::int64_t publish_interval_ms = 200;
  std::int64_t platform_rate_limit_rpm = 600'000;
  std::int64_t address_rate_limit_rpm = 6'000;
  std::string shared_pool;      ///< The tenant whose nodes are offered to all; empty: none.
  std::string trusted_proxies;  ///< Networks with commas between.
  std::int64_t connections_max = 10'000;
  std::int64_t connections_per_address_max = 2'000;
  std::int64_t token_lifetime_max_days = 90;
  std::string token_alg_name = "EdDSA";
  std::int64_t token_links_max = 4;
  std::int64_t key_rotation_days = 30;  ///< 0: never; so it is by default where replicas may share the store.
  std::string config;                   ///< The file read, if any.
  bool print_config = false;

  // Of the subcommand `admin-token`.
  bool admin_token = false;
  std::string admin_name;
  std::string admin_expires_in = "1h";

  // Of the subcommand `keys`.
  bool keys = false;
  std::string keys_verb;  ///< list, rotate or revoke.
  std::string keys_log;   ///< A tenant's id, `platform`, or empty for every log.
  std::string keys_kid;
  bool keys_now = false;

  // Of the subcommand `migrate`.
  bool migrate = false;
  std::string migrate_from;  ///< As `store`; by default what is in the data directory.
  std::string migrate_to;    ///< As `store`, which it is by default.
};

/// What `parse_settings` found instead of settings to run with.
struct Exit {
  int code = 0;
};

/// Reads flags, environment (`CADASTRE_LISTEN` for `--listen`) and the TOML file. Prints help or what is wrong, naming
/// the setting, and then answers the exit code: 0 for help, 2 for a wrong setting.
std::optional<Exit> parse_settings(int argc, char** argv, Settings& settings);

/// Whether the addresses are ones that this machine alone can reach. Requires that the settings were checked.
bool listens_to_itself(const Settings& settings);

/// The settings as the TOML file that would make them, with secrets masked.
std::string encode_settings(const Settings& settings);

}  // namespace cadastre

#include "settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "apps/settings/table.h"
#include "base/arguments.h"
#include "base/time.h"
#include "http/forwarded.h"
#include "http/listener.h"
#include "service/tokens.h"
#include "store/open_store.h"
#include "store/register_move.h"
#include "token/claims.h"

namespace cadastre {
namespace {

const SettingsTable<Settings>& table() {
  static const SettingsTable<Settings> table(
      "CADASTRE_",
      {
          {"listen", &Settings::listen, "ADDRESS:PORT for customers"},
          {"fleet-listen", &Settings::fleet_listen,
           "ADDRESS:PORT for the agents of nodes; empty for none. It answers the same calls"},
          {"fleet-url", &Settings::fleet_url, "the URL agents use; their proofs may name it in place of public-url"},
          {"tls-cert", &Settings::tls_cert, "PEM file with the certificate's chain; read again on SIGHUP"},
          {"tls-key", &Settings::tls_key, "PEM file with its private key"},
          {"tls-client-ca", &Settings::tls_client_ca,
           "PEM file with the authorities that sign administrators' certificates; without one no administrator is "
           "served"},
          {"insecure-listen", &Settings::insecure_listen,
           "listen to other machines without TLS, behind a proxy that has it"},
          {"data-dir", &Settings::data_dir, "where keys, the database and the published ledgers lie"},
          {"store", &Settings::store, std::string(store_help)},
          {"public-url", &Settings::public_url, "the URL customers use; it is the tokens' issuer"},
          {"deployment", &Settings::deployment, "names this deployment in the tokens' audience"},
          {"log-format", &Settings::log_format, "json or text"},
          {"log-level", &Settings::log_level, "debug, info, warning or error; info logs every request"},
          {"verify", &Settings::verify, "edge, or full to hash every ledger again before the start"},
          {"threads", &Settings::threads, "I/O threads; 0 means one per core", 0, 256},
          {.name = "publish-interval-ms",
           .member = &Settings::publish_interval_ms,
           .help = "how long a ledger entry may wait for its checkpoint",
           .least = 10,
           .most = 60'000,
           .older_flag = "publish-interval"},  // LEDGER.md names it without the unit
          {"platform-rate-limit-rpm", &Settings::platform_rate_limit_rpm, "requests a minute of all administrators", 1,
           1'000'000'000},
          {"address-rate-limit-rpm", &Settings::address_rate_limit_rpm,
           "requests a minute of one address without a good token", 1, 1'000'000'000},
          {"shared-pool", &Settings::shared_pool,
           "the tenant whose nodes are offered to the VMs of all tenants, after their own nodes; the same on every "
           "replica"},
          {"trusted-proxies", &Settings::trusted_proxies,
           "addresses and networks, with commas between, whose X-Forwarded-For says where a request comes from"},
          {"connections-max", &Settings::connections_max, "connections at once", 1, 1'000'000},
          {"connections-per-address-max", &Settings::connections_per_address_max,
           "connections at once from one address", 1, 1'000'000},
          {"token-lifetime-max-days", &Settings::token_lifetime_max_days, "longest life of a token", 1, 3650},
          {"token-links-max", &Settings::token_links_max, "offline links a token may have; 0 refuses every one", 0,
           delegable_depth_max},
          {"key-rotation-days", &Settings::key_rotation_days,
           "how long a key signs tokens before another does; 0 means until `keys rotate`, as it is with PostgreSQL "
           "unless this is set",
           0, 3650},
          {"token-alg-name", &Settings::token_alg_name, "EdDSA, or Ed25519 as RFC 9864 names it"},
      });
  return table;
}

void check_admin_token(const Settings& settings) {
  const auto lifetime = parse_duration(settings.admin_expires_in);
  if (!lifetime) wrong("expires-in", "must be a duration such as 90s, 15m, 24h or 7d");
  if (*lifetime < token_lifetime_min || *lifetime > std::chrono::days(settings.token_lifetime_max_days)) {
    wrong("expires-in",
          fmt::format("must be from {}s to {}d", token_lifetime_min.count(), settings.token_lifetime_max_days));
  }
  if (settings.admin_name.empty()) wrong("name", "must say whose token it is, such as alice");
}

void check_address(const std::string& name, const std::string& text) {
  try {
    http::parse_listen_address(text);
  } catch (const std::runtime_error&) {
    wrong(name,
          fmt::format("must be an address in numbers and a port, such as 127.0.0.1:9221 or [::1]:9221, not \"{}\"",
                      text));
  }
}

bool is_loopback(const std::string& address) {
  const std::string host = http::parse_listen_address(address).host;
  return host.starts_with("127.") || host == "::1";
}

void check_url(const std::string& name, const std::string& url) {
  const bool is_url = url.starts_with("http://") || url.starts_with("https://");
  if (!url.empty() && (!is_url || url.ends_with('/')))
    wrong(name, "must begin with http:// or https:// and not end with '/'");
}

void check_listen(const Settings& settings) {
  check_address("listen", settings.listen);
  if (!settings.fleet_listen.empty()) check_address("fleet-listen", settings.fleet_listen);
  if (settings.tls_cert.empty() != settings.tls_key.empty()) {
    wrong(settings.tls_cert.empty() ? "tls-cert" : "tls-key", "must be set too: a certificate and its key go together");
  }
  const bool is_tls = !settings.tls_cert.empty();
  if (!is_tls && !settings.tls_client_ca.empty()) wrong("tls-client-ca", "needs tls-cert and tls-key");
  const bool serves = !settings.admin_token && !settings.migrate && !settings.keys;
  if (serves && !is_tls && !settings.insecure_listen && !listens_to_itself(settings)) {
    const bool is_customers = !is_loopback(settings.listen);
    wrong(
        is_customers ? "listen" : "fleet-listen",
        fmt::format("must be a loopback address, not \"{}\", as long as there is no TLS: set tls-cert and tls-key, or "
                    "insecure-listen where a proxy in front has it",
                    is_customers ? settings.listen : settings.fleet_listen));
  }
}

/// A data directory that nothing names is the one that the register is moved from.
void check_migrate(Settings& settings, bool has_data_dir) {
  if (settings.migrate_from.empty()) settings.migrate_from = store_in_folder(settings.data_dir);
  if (settings.migrate_to.empty()) settings.migrate_to = settings.store;
  if (settings.migrate_to.empty()) throw std::invalid_argument("--to must say where to: postgresql://…");
  if (const auto fault = fault_of_move(settings.migrate_from, settings.migrate_to)) throw std::invalid_argument(*fault);
  if (!has_data_dir) settings.data_dir = *folder_of_store(settings.migrate_from);
}

void check(Settings& settings) {
  table().check_bounds(settings);
  check_one_of("log-format", settings.log_format, {"json", "text"});
  check_one_of("log-level", settings.log_level, {"debug", "info", "warning", "error"});
  check_one_of("verify", settings.verify, {"edge", "full"});
  check_one_of("token-alg-name", settings.token_alg_name, {"EdDSA", "Ed25519"});
  if (settings.data_dir.empty()) wrong("data-dir", "must not be empty");
  if (settings.store.empty()) settings.store = store_in_folder(settings.data_dir);
  if (const auto fault = fault_of_store(settings.store)) wrong("store", *fault);
  check_url("public-url", settings.public_url);
  check_url("fleet-url", settings.fleet_url);
  if (!settings.shared_pool.empty() && !TenantId::parse(settings.shared_pool))
    wrong("shared-pool", fmt::format("must be a tenant's id, such as platform-pool, not \"{}\"", settings.shared_pool));
  if (!http::TrustedProxies::parse(settings.trusted_proxies)) {
    wrong("trusted-proxies", "must be addresses and networks with commas between, such as 10.0.0.0/8,::1");
  }
  if (settings.deployment.empty() || settings.deployment.find_first_of(" /\"\\") != std::string::npos) {
    wrong("deployment", "must be a word without spaces, quotes and slashes");
  }
  check_listen(settings);
  if (settings.admin_token) check_admin_token(settings);
}

}  // namespace

std::optional<Exit> parse_settings(int argc, char** argv, Settings& settings) {
  CLI::App app("service-vm-tenant: the control plane that registers tenants, tokens, quotas and VMs",
               "service-vm-tenant");
  app.fallthrough();
  table().add_to(app, settings);
  app.add_option("--config", settings.config, "a TOML file of settings, named as the flags are")
      ->envname("CADASTRE_CONFIG");
  app.add_flag("--print-config", settings.print_config, "show the settings in force and exit");
  CLI::App* admin = app.add_subcommand("admin-token", "make a platform administrator's token and print it");
  admin->add_option("--name", settings.admin_name, "whose it is; the ledger says so")->required();
  admin->add_option("--expires-in", settings.admin_expires_in, "how long it lives: 90s, 15m, 24h, 7d")
      ->capture_default_str();
  CLI::App* keys = app.add_subcommand("keys", "the keys that sign tokens, and those of the ledgers");
  keys->require_subcommand(1);
  keys->add_subcommand("list", "show every key, its state and whether its private half is here");
  keys->add_subcommand("rotate", "publish the next key, or let it sign once it was published for 24 h")
      ->add_flag("--now", settings.keys_now, "let another key sign at once");
  keys->add_subcommand("rotate-ledger", "give a log, or every log, its next key")
      ->add_option("LOG", settings.keys_log, "a tenant's id, or \"platform\"; every log when it is left out");
  keys->add_subcommand("revoke", "end a key and every token it signed")
      ->add_option("KID", settings.keys_kid, "as `keys list` shows it")
      ->required();
  CLI::App* migrate = app.add_subcommand("migrate", "move the register of a stopped server to PostgreSQL");
  migrate->add_option("--from", settings.migrate_from, "sqlite:DIR; by default the data directory");
  migrate->add_option("--to", settings.migrate_to, "postgresql://…, an empty database; by default what --store says");
  try {
    if (has_secret({argv, static_cast<std::size_t>(argc)})) wrong("store", std::string(secret_advice));
    auto arguments = with_ids_last({argv, static_cast<std::size_t>(argc)});
    std::ranges::reverse(arguments);  // as the parser takes them
    app.parse(std::move(arguments));
    settings.admin_token = admin->parsed();
    settings.migrate = migrate->parsed();
    settings.keys = keys->parsed();
    if (settings.keys) settings.keys_verb = keys->get_subcommands().front()->get_name();
    if (!settings.config.empty()) table().apply_file(settings.config, app, settings);
    const bool has_data_dir = app.get_option("--data-dir")->count() > 0 || settings.data_dir != Settings().data_dir;
    if (settings.migrate) check_migrate(settings, has_data_dir);
    settings.is_fleet_listen_given =
        app.get_option("--fleet-listen")->count() > 0 || settings.fleet_listen != Settings().fleet_listen;
    const bool names_rotation = app.get_option("--key-rotation-days")->count() > 0 ||
                                settings.key_rotation_days != Settings().key_rotation_days;
    check(settings);
    // A key made by one replica is not in the other's files, so nobody there rotates by himself.
    if (!names_rotation && !folder_of_store(settings.store)) settings.key_rotation_days = 0;
  } catch (const CLI::ParseError& error) {
    return Exit{app.exit(error) == 0 ? 0 : 2};
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "service-vm-tenant: {}\n", error.what());
    return Exit{2};
  }
  return std::nullopt;
}

bool listens_to_itself(const Settings& settings) {
  return is_loopback(settings.listen) && (settings.fleet_listen.empty() || is_loopback(settings.fleet_listen));
}

std::string encode_settings(const Settings& settings) {
  return table().encode(settings, [](const std::string& text) { return shown_store(text); });
}

}  // namespace cadastre

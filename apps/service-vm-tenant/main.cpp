// service-vm-tenant: reads the settings, builds the parts, joins them.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "admin_token.h"
#include "base/process.h"
#include "migrate.h"
#include "server_process.h"
#include "settings.h"
#include "signing_key_commands.h"

int main(int argc, char** argv) {
  cadastre::forbid_core_dumps();
  cadastre::Settings settings;
  if (const auto exit = cadastre::parse_settings(argc, argv, settings)) return exit->code;
  if (settings.print_config) {
    fmt::print("{}", cadastre::encode_settings(settings));
    return 0;
  }
  cadastre::configure_log(settings.log_format, settings.log_level);
  try {
    if (settings.migrate) return cadastre::run_migrate(settings);
    if (settings.keys) return cadastre::run_keys(settings);
    return settings.admin_token ? cadastre::run_admin_token(settings) : cadastre::run_server(settings);
  } catch (const std::exception& error) {
    fmt::print(stderr, "service-vm-tenant: {}\n", error.what());
    return 1;
  }
}

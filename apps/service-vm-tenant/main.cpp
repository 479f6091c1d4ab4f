// service-vm-tenant: reads the settings, builds the parts, joins them.
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <exception>

#include "admin_token.h"
#include "base/log.h"
#include "migrate.h"
#include "server_process.h"
#include "settings.h"
#include "signing_key_commands.h"

namespace {

cadastre::log::Level level_of(const std::string& name) {
  if (name == "debug") return cadastre::log::Level::debug;
  if (name == "warning") return cadastre::log::Level::warning;
  return name == "error" ? cadastre::log::Level::error : cadastre::log::Level::info;
}

/// Keys and tokens are in this process's memory, so no core file or crash handler may get it (DESIGN.md section 2, law
/// 6). Linux takes a limit of 1 for both; 0 stops only the file, not a handler that core_pattern pipes to
/// (fs/coredump.c).
void forbid_core_dumps() {
  const rlimit limit{.rlim_cur = 1, .rlim_max = 1};
  ::setrlimit(RLIMIT_CORE, &limit);  // lowering is always allowed
}

}  // namespace

int main(int argc, char** argv) {
  forbid_core_dumps();
  cadastre::Settings settings;
  if (const auto exit = cadastre::parse_settings(argc, argv, settings)) return exit->code;
  if (settings.print_config) {
    fmt::print("{}", cadastre::encode_settings(settings));
    return 0;
  }
  cadastre::log::configure(settings.log_format == "json" ? cadastre::log::Format::json : cadastre::log::Format::text,
                           level_of(settings.log_level));
  try {
    if (settings.migrate) return cadastre::run_migrate(settings);
    if (settings.keys) return cadastre::run_keys(settings);
    return settings.admin_token ? cadastre::run_admin_token(settings) : cadastre::run_server(settings);
  } catch (const std::exception& error) {
    fmt::print(stderr, "service-vm-tenant: {}\n", error.what());
    return 1;
  }
}

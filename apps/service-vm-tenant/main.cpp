// service-vm-tenant: reads the settings, builds the parts, joins them.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "admin_token.h"
#include "base/log.h"
#include "server_process.h"
#include "settings.h"

namespace {

cadastre::log::Level level_of(const std::string& name) {
  if (name == "debug") return cadastre::log::Level::debug;
  if (name == "warning") return cadastre::log::Level::warning;
  return name == "error" ? cadastre::log::Level::error : cadastre::log::Level::info;
}

}  // namespace

int main(int argc, char** argv) {
  cadastre::Settings settings;
  if (const auto exit = cadastre::parse_settings(argc, argv, settings)) return exit->code;
  if (settings.print_config) {
    fmt::print("{}", cadastre::encode_settings(settings));
    return 0;
  }
  cadastre::log::configure(settings.log_format == "json" ? cadastre::log::Format::json : cadastre::log::Format::text,
                           level_of(settings.log_level));
  try {
    return settings.admin_token ? cadastre::run_admin_token(settings) : cadastre::run_server(settings);
  } catch (const std::exception& error) {
    fmt::print(stderr, "service-vm-tenant: {}\n", error.what());
    return 1;
  }
}

// service-vm-host: reads the settings, builds the parts, joins them.
#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <exception>
#include <utility>

#include "base/process.h"
#include "enrol.h"
#include "host_process.h"
#include "settings.h"

namespace {

/// libvirt and libcurl write to sockets whose other end may have been killed: that is an error of the call, and not the
/// end of this process.
void ignore_broken_pipes() { ::signal(SIGPIPE, SIG_IGN); }

int run(const cadastre::Settings& settings) {
  switch (settings.command) {
    case cadastre::HostCommand::run: return cadastre::run_agent(settings);
    case cadastre::HostCommand::enrol: return cadastre::run_enrol(settings);
    case cadastre::HostCommand::print_pubkey: return cadastre::run_print_pubkey(settings);
    case cadastre::HostCommand::generate_keypair: return cadastre::run_generate_keypair(settings);
    case cadastre::HostCommand::print_config: fmt::print("{}", cadastre::encode_settings(settings)); return 0;
  }
  std::unreachable();
}

}  // namespace

int main(int argc, char** argv) {
  cadastre::forbid_core_dumps();
  ignore_broken_pipes();
  cadastre::Settings settings;
  if (const auto exit = cadastre::parse_settings(argc, argv, settings)) return exit->code;
  cadastre::configure_log(settings.log_format, settings.log_level);
  try {
    return run(settings);
  } catch (const std::exception& error) {
    fmt::print(stderr, "service-vm-host: {}\n", error.what());
    return 1;
  }
}

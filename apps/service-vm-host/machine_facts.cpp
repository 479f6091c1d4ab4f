#include "machine_facts.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "compute/machine.h"

namespace cadastre {
namespace {

bool is_allowed(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '.' || c == '-' || c == '_';
}

/// The machine's name, as far as the API takes it.
std::string hostname() {
  std::array<char, 256> buffer{};
  ::gethostname(buffer.data(), buffer.size() - 1);
  std::string name = buffer.data();
  std::ranges::replace_if(name, [](char c) { return !is_allowed(c); }, '-');
  return name.empty() ? "localhost" : name.substr(0, 253);
}

/// Changes whenever the machine starts (random(4), boot_id).
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string line;
  std::getline(file, line);
  return std::ranges::all_of(line, is_allowed) ? line : "";
}

}  // namespace

AgentSettings agent_settings(const Settings& settings) {
  return {.keeper = {.graces = {.stop = std::chrono::seconds(settings.shutdown_grace_seconds),
                                .removal = std::chrono::seconds(settings.delete_grace_seconds)}},
          .acceleration = parse_acceleration_wish(settings.acceleration).value(),
          .runs_nothing = settings.libvirt_uri.starts_with("test:"),
          .heartbeat = std::chrono::seconds(settings.heartbeat_seconds),
          .hostname = hostname(),
          .boot_id = boot_id(),
          .reserved = settings.reserved};
}

NodeFacts first_facts(const Settings& settings) {
  std::filesystem::create_directories(settings.guests_dir);
  const NodeCapacity capacity = Machine().capacity(settings.guests_dir);
  const AgentSettings agent = agent_settings(settings);
  return node_facts(capacity, agent, false);
}

}  // namespace cadastre

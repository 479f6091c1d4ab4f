#include "domain/vm_lifecycle.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cadastre {
namespace {

constexpr std::size_t error_max = 500;

/// What the VM is when its guest is so; nothing when the report leaves that open.
std::optional<VmState> state_after(const Vm& vm, ReportedState guest) {
  const bool was_there = vm.state == VmState::running || vm.state == VmState::stopped;
  switch (guest) {
    case ReportedState::running: return vm.wish == VmWish::run ? std::optional(VmState::running) : std::nullopt;
    case ReportedState::stopped: return VmState::stopped;
    case ReportedState::failed: return VmState::error;
    case ReportedState::absent:
      if (was_there) return VmState::error;
      return vm.wish == VmWish::stop ? std::optional(VmState::stopped) : std::nullopt;  // it was never to be started
  }
  std::unreachable();
}

/// What a VM is that no node has: nobody will report of it.
void be_without_node(Vm& vm) {
  if (vm.wish == VmWish::run) {
    vm.state = VmState::provisioning;
    vm.error.clear();
  } else if (vm.state == VmState::provisioning) {
    vm.state = VmState::stopped;
  }
}

}  // namespace

std::string_view name_of(ReportedState state) {
  switch (state) {
    case ReportedState::running: return "running";
    case ReportedState::stopped: return "stopped";
    case ReportedState::failed: return "failed";
    case ReportedState::absent: return "absent";
  }
  std::unreachable();
}

std::optional<ReportedState> parse_reported_state(std::string_view text) {
  for (const auto state :
       {ReportedState::running, ReportedState::stopped, ReportedState::failed, ReportedState::absent}) {
    if (name_of(state) == text) return state;
  }
  return std::nullopt;
}

Result<void> check_report(const GuestReport& report) {
  const bool says_why = !report.error.empty();
  if ((report.state == ReportedState::failed) == says_why && report.error.size() <= error_max) return {};
  return refuse(Code::invalid_field, "error",
                fmt::format("A guest that failed says why in 1 to {} characters, and no other does.", error_max));
}

Result<ReportOutcome> apply_report(Vm& vm, const GuestReport& report, Instant now) {
  if (report.generation > vm.generation) {
    return refuse(Code::conflict, "generation",
                  fmt::format("Of the VM {} no generation {} was wished; its last is {}.", report.vm.text(),
                              report.generation, vm.generation));
  }
  TRY(check_report(report));
  if (report.generation < vm.generation) return ReportOutcome::nothing;
  if (vm.state == VmState::deleting) {
    return report.state == ReportedState::absent ? ReportOutcome::gone : ReportOutcome::nothing;
  }
  const auto state = state_after(vm, report.state);
  if (!state) return ReportOutcome::nothing;
  const bool runs = *state == VmState::running;
  std::string error = *state == VmState::error
                          ? (report.error.empty() ? "The guest is not on its node any more." : report.error)
                          : std::string();
  std::vector<HostPort> host_ports = runs ? report.host_ports : std::vector<HostPort>();
  if (*state == vm.state && error == vm.error && host_ports == vm.host_ports) return ReportOutcome::nothing;
  if (runs && vm.state != VmState::running) vm.started_at = now;
  vm.state = *state;
  vm.error = std::move(error);
  vm.host_ports = std::move(host_ports);
  ++vm.revision;
  return ReportOutcome::changed;
}

bool wish(Vm& vm, VmWish wanted) {
  const bool waits = vm.node_id.empty() && vm.state == VmState::provisioning;
  const bool stopped_by_itself = vm.state == VmState::stopped && vm.wish == VmWish::run;
  const bool is_contradicted = wanted == VmWish::run ? stopped_by_itself || vm.state == VmState::error : waits;
  // A new VM is to run anyhow; that somebody asks for it is recorded all the same, once.
  const bool is_first_start = wanted == VmWish::run && vm.revision == 1;
  if (vm.wish == wanted && !is_contradicted && !is_first_start) return false;
  vm.wish = wanted;
  if (vm.node_id.empty()) be_without_node(vm);
  if (!is_first_start) ++vm.generation;
  ++vm.revision;
  return true;
}

void begin_deletion(Vm& vm) {
  vm.state = VmState::deleting;
  vm.error.clear();
  vm.host_ports.clear();
  ++vm.generation;
  ++vm.revision;
}

void lose_node(Vm& vm) {
  vm.node_id.clear();
  vm.pool.reset();
  vm.state = VmState::error;
  vm.error = "Its node was removed, and its disk with it.";
  vm.host_ports.clear();
  vm.wish = VmWish::stop;
  ++vm.generation;
  ++vm.revision;
}

Result<void> admit_reboot(const Vm& vm) {
  if (vm.state == VmState::running && vm.wish == VmWish::run) return {};
  return refuse(Code::conflict, "state",
                fmt::format("Only a running VM can be rebooted; this one is {}.", name_of(vm.state)));
}

}  // namespace cadastre

// Every report against every state: what is wished settles what a report can change.
#include "domain/vm_lifecycle.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

constexpr Instant noon = instant_from_s(1'800'000'000);

Vm vm_in(VmState state, VmWish wished = VmWish::run) {
  Vm vm{.id = VmId::of({}), .tenant = *TenantId::parse("acme"), .state = state, .wish = wished};
  vm.node_id = "node-1";
  vm.generation = 3;
  vm.revision = 7;
  if (state == VmState::error) vm.error = "It broke.";
  return vm;
}

GuestReport report_of(ReportedState state, std::int64_t generation = 3) {
  GuestReport report{.vm = VmId::of({}), .generation = generation, .state = state};
  if (state == ReportedState::failed) report.error = "No room on the disk.";
  return report;
}

TEST_CASE("what a report of the present generation makes of a VM") {
  using enum VmState;
  using G = ReportedState;
  struct Row {
    VmState state;
    VmWish wished;
    ReportedState guest;
    ReportOutcome outcome;
    VmState after;
  };
  constexpr auto nothing = ReportOutcome::nothing;
  constexpr auto changed = ReportOutcome::changed;
  constexpr auto gone = ReportOutcome::gone;
  const Row rows[] = {
      {provisioning, VmWish::run, G::absent, nothing, provisioning},
      {provisioning, VmWish::run, G::running, changed, running},
      {provisioning, VmWish::run, G::stopped, changed, stopped},
      {provisioning, VmWish::run, G::failed, changed, error},
      {provisioning, VmWish::stop, G::running, nothing, provisioning},
      {running, VmWish::run, G::running, nothing, running},
      {running, VmWish::run, G::stopped, changed, stopped},  // it powered itself off, or its host started anew
      {running, VmWish::run, G::failed, changed, error},
      {running, VmWish::run, G::absent, changed, error},
      {running, VmWish::stop, G::running, nothing, running},  // not yet
      {running, VmWish::stop, G::stopped, changed, stopped},
      {stopped, VmWish::stop, G::stopped, nothing, stopped},
      {stopped, VmWish::stop, G::running, nothing, stopped},
      {stopped, VmWish::run, G::running, changed, running},
      {stopped, VmWish::stop, G::absent, changed, error},
      {error, VmWish::run, G::running, changed, running},
      {error, VmWish::run, G::absent, nothing, error},
      {error, VmWish::stop, G::absent, changed, stopped},
      {provisioning, VmWish::stop, G::absent, changed, stopped},
      {deleting, VmWish::run, G::running, nothing, deleting},
      {deleting, VmWish::run, G::stopped, nothing, deleting},
      {deleting, VmWish::run, G::failed, nothing, deleting},
      {deleting, VmWish::run, G::absent, gone, deleting},
  };
  for (const Row& row : rows) {
    CAPTURE(name_of(row.state));
    CAPTURE(name_of(row.guest));
    Vm vm = vm_in(row.state, row.wished);
    const auto outcome = apply_report(vm, report_of(row.guest), noon);
    REQUIRE(outcome);
    CHECK(*outcome == row.outcome);
    CHECK(vm.state == row.after);
    CHECK((vm.revision == 8) == (row.outcome == changed));
    CHECK((vm.state == error) == !vm.error.empty());  // an error always says why
  }
}

TEST_CASE("a report of a wish that was overtaken changes nothing, one of a wish that never was is refused") {
  for (const auto state :
       {ReportedState::running, ReportedState::stopped, ReportedState::failed, ReportedState::absent}) {
    Vm vm = vm_in(VmState::deleting);
    CHECK(apply_report(vm, report_of(state, 2), noon).value() == ReportOutcome::nothing);
    CHECK(apply_report(vm, report_of(state, 4), noon).error().subject == "generation");
    CHECK(vm.revision == 7);
  }
}

TEST_CASE("a failure says why, and nothing else does") {
  Vm vm = vm_in(VmState::running);
  auto report = report_of(ReportedState::failed);
  report.error.clear();
  CHECK(apply_report(vm, report, noon).error().subject == "error");
  report.error = std::string(501, 'x');
  CHECK(apply_report(vm, report, noon).error().subject == "error");
  report = report_of(ReportedState::running);
  report.error = "but";
  CHECK(apply_report(vm, report, noon).error().subject == "error");
  CHECK(vm.state == VmState::running);
}

TEST_CASE("a running guest brings its ports and its time, and they go with it") {
  Vm vm = vm_in(VmState::provisioning);
  auto report = report_of(ReportedState::running);
  report.host_ports = {{40001, 22, "tcp"}};
  CHECK(apply_report(vm, report, noon).value() == ReportOutcome::changed);
  CHECK(vm.started_at == noon);
  CHECK(vm.host_ports.size() == 1);
  CHECK(apply_report(vm, report, noon + std::chrono::hours(1)).value() == ReportOutcome::nothing);
  report.host_ports.front().host_port = 40002;
  CHECK(apply_report(vm, report, noon + std::chrono::hours(1)).value() == ReportOutcome::changed);
  CHECK(vm.started_at == noon);
  CHECK(apply_report(vm, report_of(ReportedState::stopped), noon).value() == ReportOutcome::changed);
  CHECK(vm.host_ports.empty());
}

TEST_CASE("asking for what is wished already changes nothing, unless the VM is something else") {
  struct Row {
    VmState state;
    VmWish wished, asked;
    bool changes;
  };
  const Row rows[] = {
      {VmState::running, VmWish::run, VmWish::run, false},      {VmState::running, VmWish::run, VmWish::stop, true},
      {VmState::running, VmWish::stop, VmWish::run, true},      {VmState::stopped, VmWish::stop, VmWish::stop, false},
      {VmState::stopped, VmWish::stop, VmWish::run, true},      {VmState::stopped, VmWish::run, VmWish::run, true},
      {VmState::error, VmWish::run, VmWish::run, true},         {VmState::error, VmWish::run, VmWish::stop, true},
      {VmState::provisioning, VmWish::run, VmWish::run, false},
  };
  for (const Row& row : rows) {
    CAPTURE(name_of(row.state));
    Vm vm = vm_in(row.state, row.wished);
    CHECK(wish(vm, row.asked) == row.changes);
    CHECK(vm.wish == (row.changes ? row.asked : row.wished));
    CHECK(vm.generation == (row.changes ? 4 : 3));
  }
  Vm fresh = vm_in(VmState::provisioning);
  fresh.revision = 1;
  CHECK(wish(fresh, VmWish::run));
  CHECK(fresh.generation == 3);  // nothing else is wished: whoever works on it goes on
}

TEST_CASE("a VM that waits for a node is stopped at once when it is wished so, and waits again when it is to run") {
  Vm vm = vm_in(VmState::provisioning);
  vm.node_id.clear();
  CHECK(wish(vm, VmWish::stop));
  CHECK(vm.state == VmState::stopped);
  CHECK_FALSE(wish(vm, VmWish::stop));
  CHECK(wish(vm, VmWish::run));
  CHECK(vm.state == VmState::provisioning);
  vm.wish = VmWish::stop;  // as it was kept before
  CHECK(wish(vm, VmWish::stop));
  CHECK(vm.state == VmState::stopped);
  vm.node_id = "node-1";
  CHECK(wish(vm, VmWish::run));
  CHECK(vm.state == VmState::stopped);  // until its node reports
}

TEST_CASE("a VM whose node is gone waits for another only when it is asked to run again") {
  Vm vm = vm_in(VmState::running);
  lose_node(vm);
  CHECK(vm.state == VmState::error);
  CHECK(vm.node_id.empty());
  CHECK_FALSE(vm.error.empty());
  CHECK(wish(vm, VmWish::run));
  CHECK(vm.state == VmState::provisioning);
  CHECK(vm.error.empty());
}

TEST_CASE("only a running VM starts over") {
  CHECK(admit_reboot(vm_in(VmState::running)));
  CHECK_FALSE(admit_reboot(vm_in(VmState::running, VmWish::stop)));
  for (const auto state : {VmState::provisioning, VmState::stopped, VmState::error, VmState::deleting})
    CHECK_FALSE(admit_reboot(vm_in(state)));
}

}  // namespace
}  // namespace cadastre

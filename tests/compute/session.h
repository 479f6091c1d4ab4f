// What the tests of real guests share: the session that tests/compute/run.py made, and processes as /proc shows them.
#pragma once

#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/test_folder.h"
#include "base/time.h"
#include "compute/acceleration_probe.h"
#include "compute/open_hypervisor.h"

namespace cadastre {

using namespace std::chrono_literals;

constexpr auto patience = 120s;  // only so that a run ends: a slow machine is no failure

/// A variable that run.py sets.
inline std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) FAIL(name, " is not set: run tests/compute/run.py");
  return value;
}

inline bool comes_true(const std::function<bool()>& condition, std::chrono::seconds within = patience) {
  const Stopwatch waited;
  while (!condition()) {
    if (waited.elapsed() > within) return false;
    rest_for(5ms);
  }
  return true;
}

/// The number in a pid file, which may be written at this very moment. Never 0, which kill(2) takes for a whole group.
inline pid_t read_pid(const std::string& path) {
  pid_t pid = 0;
  const auto read = [&] { return static_cast<bool>(std::ifstream(path) >> pid) && pid > 0; };
  if (!comes_true(read)) FAIL("there is no process number in ", path);
  return pid;
}

inline pid_t libvirtd_pid() { return read_pid(variable("XDG_RUNTIME_DIR") + "/libvirt/libvirtd.pid"); }
/// The guest's QEMU.
inline pid_t guest_pid(const VmId& id) {
  return read_pid(variable("XDG_RUNTIME_DIR") + "/libvirt/qemu/run/" + id.text() + ".pid");
}

/// A member of /proc/PID/status, without blanks around it; empty when the process is gone.
inline std::string status_of(pid_t pid, const std::string& member) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(member + ":")) return line.substr(line.find_first_not_of(" \t", member.size() + 1));
  }
  return {};
}

/// One that has ended and waits for its parent runs no more.
inline bool runs(pid_t pid) {
  const auto state = status_of(pid, "State");
  return !state.empty() && !state.starts_with('Z') && !state.starts_with('X');
}

inline bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// The value, or the end of the test with the refusal's sentence.
template <class T>
T required(Result<T> outcome) {
  if (!outcome) FAIL(outcome.error().detail);
  return *std::move(outcome);
}

/// The node's hypervisor with a guests' folder of its own.
class World {
 public:
  World() { write_bytes(folder_ / "boot.raw", boot_sector()); }
  Hypervisor& operator*() { return *hypervisor_; }
  Hypervisor* operator->() { return hypervisor_.get(); }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  int changes() const { return changes_; }

  /// Linux with busybox (tools/guest_image).
  GuestSpec linux_guest(const std::string& more_cmdline = "") {
    auto spec = guest();
    spec.ram = Mebibytes{128};
    spec.boot = KernelBoot{variable("CADASTRE_GUEST_KERNEL"), variable("CADASTRE_GUEST_INITRD"),
                           "console=ttyS0 quiet panic=-1 no_timer_check " + more_cmdline};
    return spec;
  }
  /// Halts after it has written boot_sector_marker.
  GuestSpec small_guest() {
    auto spec = guest();
    spec.ram = Mebibytes{16};
    spec.disk = Gigabytes{1};
    spec.boot = ImageBoot{folder_ / "boot.raw", DiskFormat::raw};
    return spec;
  }
  bool shows(const VmId& id, std::string_view text) {
    return comes_true([&] { return holds((*hypervisor_).console(id), text); });
  }
  /// As when the agent's process ends and another begins.
  void restart() {
    hypervisor_.reset();
    hypervisor_ = open();
  }

 private:
  GuestSpec guest() {
    return {.id = VmId::draw(random_, clock_.now()),
            .tenant = *TenantId::parse("acme"),
            .name = "test",
            .vcpus = VcpuCount{1},
            .boot = KernelBoot{}};
  }
  std::unique_ptr<Hypervisor> open() {
    return open_hypervisor({.folder = folder_ / "guests", .changed = [this] { ++changes_; }}, clock_, random_);
  }
  TestFolder folder_;
  SystemClock clock_;
  SystemRandom random_;
  std::atomic<int> changes_ = 0;
  std::unique_ptr<Hypervisor> hypervisor_ = open();
};

}  // namespace cadastre

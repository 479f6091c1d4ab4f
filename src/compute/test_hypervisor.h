// A hypervisor over libvirt's driver for tests, with everything that it needs.
#pragma once

#include <doctest/doctest.h>
#include <libvirt/libvirt.h>

#include <atomic>

#include "base/test_folder.h"
#include "compute/libvirt_hypervisor.h"
#include "compute/test_guest_spec.h"

namespace cadastre {

/// `test:///default` has one guest of its own, `test`, which is not ours. Its guests live while a connection is open.
class TestHypervisor {
 public:
  LibvirtHypervisor& operator*() { return hypervisor_; }
  LibvirtHypervisor* operator->() { return &hypervisor_; }
  int changes() const { return changes_; }
  ManualClock& clock() { return clock_; }
  const TestFolder& folder() const { return folder_; }
  std::string guests() const { return folder_ / "guests"; }
  /// A connection of another's, as virsh would have one.
  virConnectPtr other() const { return other_.get(); }

  /// Diskless, with a kernel that can be read.
  GuestSpec spec() const {
    auto spec = test_guest_spec();
    write_bytes(folder_ / "vmlinuz", "kernel");
    spec.boot = KernelBoot{folder_ / "vmlinuz", "", "console=ttyS0"};
    return spec;
  }

 private:
  TestFolder folder_;
  ManualClock clock_{instant_from_s(1'700'000'000)};
  SeededRandom random_{1};
  std::atomic<int> changes_ = 0;
  LibvirtHypervisor hypervisor_{
      {.uri = "test:///default", .folder = folder_ / "guests", .changed = [this] { ++changes_; }}, clock_, random_};
  ConnectHandle other_{virConnectOpen("test:///default")};
};

inline std::string refusal_of(const auto& outcome) { return outcome ? std::string() : outcome.error().detail; }

}  // namespace cadastre

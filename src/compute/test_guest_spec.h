// A guest to begin a test with.
#pragma once

#include "domain/guest.h"

namespace cadastre {

inline GuestSpec test_guest_spec() {
  return {.id = *VmId::parse("0190a000-0000-7000-8000-0000000a0b0c"),
          .tenant = *TenantId::parse("acme"),
          .generation = 3,
          .name = "web",
          .ram = Mebibytes{128},
          .vcpus = VcpuCount{2},
          .boot = KernelBoot{"/images/vmlinuz", "/images/initrd", "console=ttyS0"}};
}

}  // namespace cadastre

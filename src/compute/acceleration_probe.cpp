#include "compute/acceleration_probe.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/invariant.h"

namespace cadastre {
namespace {

std::string found(Acceleration acceleration, std::chrono::milliseconds took) {
  return fmt::format("A probe guest ran under {} after {} ms.", name_of(acceleration), took.count());
}

}  // namespace

Result<AccelerationProof> prove_acceleration(AccelerationWish wish, const RunProbe& run) {
  std::string against_kvm;
  if (wish != AccelerationWish::tcg) {
    const auto took = run(Acceleration::kvm);
    if (took) return AccelerationProof{Acceleration::kvm, found(Acceleration::kvm, *took)};
    if (wish == AccelerationWish::kvm) return std::unexpected(took.error());
    against_kvm = " KVM: " + took.error().detail;
  }
  const auto took = TRY(run(Acceleration::tcg));
  return AccelerationProof{Acceleration::tcg, found(Acceleration::tcg, took) + against_kvm};
}

std::string reason_against_kvm(const std::string& device) {
  if (::access(device.c_str(), F_OK) != 0) return fmt::format("There is no {}.", device);
  if (::access(device.c_str(), R_OK | W_OK) == 0) return {};
  return fmt::format(
      "{} may not be opened: {}. Give it to the group kvm (chgrp kvm, chmod 660) and add this user to the group.",
      device, std::strerror(errno));
}

std::string boot_sector() {
  constexpr std::string_view code =
      "\xfa"          // cli
      "\x31\xc0"      // xor ax, ax
      "\x8e\xd8"      // mov ds, ax
      "\xbe\x18\x7c"  // mov si, 0x7c18: the marker
      "\xba\xf8\x03"  // mov dx, 0x3f8: the first serial port
      "\xfc"          // cld
      "\xac"          // next: lodsb
      "\x84\xc0"      // test al, al
      "\x74\x03"      // jz stop
      "\xee"          // out dx, al
      "\xeb\xf8"      // jmp next
      "\xf4"          // stop: hlt
      "\xeb\xfd"      // jmp stop
      "\x90";         // nop, up to 0x18
  static_assert(code.size() == 0x18);
  std::string sector(code);
  sector += boot_sector_marker;
  CHECK_INVARIANT(sector.size() < 510);
  sector.resize(510);
  return sector + "\x55\xaa";
}

}  // namespace cadastre

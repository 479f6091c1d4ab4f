// Which acceleration a node has, by trying.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "domain/guest.h"

namespace cadastre {

/// Starts a guest under that acceleration and answers how long it took to show a sign of life.
using RunProbe = std::function<Result<std::chrono::milliseconds>(Acceleration)>;

/// Tries what is wished, KVM first, and says why. Refuses what was asked for by name and does not work, and `automatic`
/// when nothing works.
Result<AccelerationProof> prove_acceleration(AccelerationWish wish, const RunProbe& run);

/// Why the device cannot serve for KVM, as far as that shows without a guest; empty when nothing speaks against it.
/// Asked first, because libvirt probes QEMU anew in every call, for a minute, while QEMU may not open /dev/kvm.
std::string reason_against_kvm(const std::string& device);

/// What a boot sector guest writes to its serial console once it executes.
constexpr std::string_view boot_sector_marker = "CADASTRE-BOOT-SECTOR\r\n";
/// 512 bytes that a PC's firmware loads and jumps to: writes the marker to the first serial port and halts.
std::string boot_sector();

}  // namespace cadastre

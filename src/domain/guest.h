// A virtual machine as its node runs it: what is asked for, what is seen, and what may be asked for at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "base/time.h"
#include "domain/tenant_id.h"
#include "domain/vm.h"

namespace cadastre {

/// What executes a guest's instructions: the processor through /dev/kvm, or QEMU's translator.
enum class Acceleration { kvm, tcg };

/// What the operator asks of a node; `automatic` takes KVM where it proves to work and TCG elsewhere.
enum class AccelerationWish { automatic, kvm, tcg };

std::string_view name_of(Acceleration acceleration);
/// `auto`, `kvm` or `tcg`; nothing on other text.
std::optional<AccelerationWish> parse_acceleration_wish(std::string_view text);

/// Boots a Linux kernel directly. The paths are absolute, the node's own, and readable by the hypervisor.
struct KernelBoot {
  std::string kernel;
  std::string initrd;  ///< Empty: none.
  std::string cmdline;
};

enum class DiskFormat { raw, qcow2 };

/// Boots from a copy-on-write overlay of an image, which itself is never written.
struct ImageBoot {
  std::string image;  ///< Absolute path on the node.
  DiskFormat format = DiskFormat::qcow2;
};

using BootSource = std::variant<KernelBoot, ImageBoot>;

/// What cloud-init in the guest finds on its NoCloud disk (docs.cloud-init.io, data source NoCloud).
struct GuestSeed {
  std::string meta_data;
  std::string user_data;
};

/// A guest as the control plane wishes it. What a file is called follows from `id` alone.
struct GuestSpec {
  VmId id;
  TenantId tenant;
  std::int64_t generation = 1;  ///< Grows with every wish for this VM; an older one never overrides a newer.
  std::string name;             ///< For people; empty: none.
  Mebibytes ram;
  VcpuCount vcpus;
  Gigabytes disk;  ///< 0: diskless, which only a kernel can boot.
  Acceleration acceleration = Acceleration::tcg;
  BootSource boot;
  std::vector<PortOrder> ports;
  std::optional<GuestSeed> seed;
};

/// Refuses, with every wrong member: the platform as tenant, a generation below 1, names of another shape, numbers out
/// of bounds, paths that are not absolute or climb with `..`, any character outside printable ASCII, and a seed of more
/// than 1 MiB.
Result<void> check_guest_spec(const GuestSpec& spec);

/// `starting`: its process was made and not let run yet; it stays so when libvirt is ended in the midst. `paused`:
/// stopped in the midst, such as by a full disk. `failed`: QEMU ended without being asked to.
enum class GuestState { absent, stopped, starting, running, paused, failed };

std::string_view name_of(GuestState state);

/// A guest of ours as the hypervisor has it.
struct Guest {
  VmId id;
  TenantId tenant;
  std::int64_t generation = 0;
  GuestState state = GuestState::absent;
  std::string reason;  ///< One sentence when `paused` or `failed`, else empty.
  std::vector<HostPort> host_ports;
  std::optional<Instant> started_at;  ///< Nothing when it does not run, or its start was interrupted.
};

/// A guest that is not ours: it does not carry our metadata, or carries another machine's. Listed, never touched.
struct ForeignGuest {
  std::string uuid;
  std::string name;
  GuestState state = GuestState::absent;
};

/// All there is on a node.
struct GuestSight {
  std::vector<Guest> guests;
  std::vector<ForeignGuest> foreign;
  std::vector<VmId> leftovers;  ///< Files without a guest, such as a removal cut short leaves; `remove` ends it.
};

/// How big the node is and how busy; of the machine, whoever uses it.
struct NodeCapacity {
  Mebibytes ram_total;
  Mebibytes ram_used;
  VcpuCount cores;
  std::int64_t load_pct = 0;  ///< Of all cores together, 0 to 100, since the question before.
  Gigabytes disk_total;       ///< Of the file system that holds the guests' disks.
  Gigabytes disk_used;
};

/// What a node's guests are run by, and how that is known.
struct AccelerationProof {
  Acceleration acceleration = Acceleration::tcg;
  std::string sentence;  ///< Why it is that one, for the operator.
};

}  // namespace cadastre

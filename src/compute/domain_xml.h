// A guest as libvirt's domain XML (libvirt.org/formatdomain.html), made from typed values alone.
#pragma once

#include <string>
#include <vector>

#include "domain/guest.h"

namespace cadastre {

/// What stands under the domain: QEMU, or libvirt's own driver for tests, which runs nothing.
enum class DomainKind { qemu, test };

struct DomainDisk {
  std::string path;
  DiskFormat format = DiskFormat::qcow2;
};

/// All that a domain's XML says beside the guest's spec.
struct DomainPlan {
  DomainKind kind = DomainKind::qemu;
  std::optional<DomainDisk> disk;
  std::string seed_path;  ///< An ISO image, shown read-only; empty: none.
  std::string console_path;
  std::vector<HostPort> host_ports;
  int segment = 0;  ///< Of its tenant on this node; 0: none.
};

/// A q35 machine with virtio devices and its serial console in a file. Its first network card lies in QEMU's user-mode
/// network: by it the guest reaches nothing, neither the node nor other guests, and is reached at its host ports on
/// loopback. The second lies in its tenant's segment, with the tenant's other guests on this node and nobody else.
/// Requires a spec that check_guest_spec admits.
std::string domain_xml(const GuestSpec& spec, const DomainPlan& plan);

}  // namespace cadastre

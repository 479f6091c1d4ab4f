// Opens the node's hypervisor, for programs that need not know which it is.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/time.h"
#include "service/hypervisor_port.h"

namespace cadastre {

/// libvirt's session finds its daemons' files by the XDG variables, and starts the daemons itself. How much of a
/// console stays on the disk is virtlogd's to say: `max_size = 65536` and `max_backups = 1` in
/// `$XDG_CONFIG_HOME/libvirt/virtlogd.conf` keep what `console` shows. `$XDG_RUNTIME_DIR/libvirt` must outlive this
/// process, and not the machine's restart.
struct HypervisorSettings {
  std::string uri = "qemu:///session";  ///< Or `test:///default`, which runs nothing.
  std::string folder;                   ///< Absolute; the guests' disks and consoles go below. Made when missing.
  std::string probe_kernel;             ///< A Linux kernel that `prove` boots; empty: a boot sector of our own.
  std::chrono::milliseconds probe_limit = std::chrono::seconds(10);
  /// Called on a thread of the hypervisor's when it is time to look at `list` again; must be quick and not call back.
  std::function<void()> changed = [] {};
};

/// Does not wait for the hypervisor: the first call that needs it opens the connection, and every later one that finds
/// it lost. One at a time in a process. The clock and the chance outlive it. Throws std::filesystem::filesystem_error
/// when the folder cannot be made.
std::unique_ptr<Hypervisor> open_hypervisor(HypervisorSettings settings, const Clock& clock, Random& random);

}  // namespace cadastre

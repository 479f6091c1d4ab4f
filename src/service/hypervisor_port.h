// What runs a node's virtual machines, as the host's agent sees it.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "domain/guest.h"

namespace cadastre {

/// The hypervisor cannot be asked, or went away while it was: nobody knows whether the last change was made. Guests run
/// on meanwhile. The next call tries to reach it again; asking `list` then tells. The operator's to mend if it stays.
class HypervisorAway : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The guests of one node. Every verb says what shall hold, so that it may be asked again after any interruption: what
/// holds already is no trouble. A refusal is about one guest, in one sentence for whoever asked for it (`Vm::error`);
/// what concerns all of them is thrown as HypervisorAway. No verb touches a guest that is not ours: it refuses with
/// `conflict`. Safe to call from several threads, but one verb at a time for one guest.
class Hypervisor {
 public:
  virtual ~Hypervisor() = default;
  /// Everything on the node. Adoption after a restart of the agent is nothing more than this.
  virtual GuestSight list() = 0;
  /// One guest of ours; nothing when it is absent or not ours.
  virtual std::optional<Guest> find(const VmId& id) = 0;
  /// Makes the guest's disk if there is none yet, defines it and starts it. One that runs goes on as it is and takes
  /// the spec's generation; one that stands still is defined anew from the spec, and keeps its disk and, while they
  /// are free, its host ports. Refuses `invalid_field` what check_guest_spec or an image does, `conflict` a generation
  /// older than the guest's, and `unavailable` what the machine cannot do.
  virtual Result<Guest> define_and_start(const GuestSpec& spec) = 0;
  /// Starts a guest as it was last defined. `not_found` when it is absent.
  virtual Result<Guest> start(const VmId& id) = 0;
  /// Presses the power button (ACPI) and returns at once; whether the guest heeds it shows in its state.
  virtual Result<void> shut_down(const VmId& id) = 0;
  /// Ends the guest's process, and returns when it is gone. The disk stays.
  virtual Result<void> destroy(const VmId& id) = 0;
  /// Asks the guest to start over (ACPI) and returns at once.
  virtual Result<void> reboot(const VmId& id) = 0;
  /// Restarts the guest's machine without asking it, in the same process.
  virtual Result<void> reset(const VmId& id) = 0;
  /// Destroys the guest, forgets it, and deletes its disk and console. Afterwards nothing of it is left.
  virtual Result<void> remove(const VmId& id) = 0;
  /// Notes which wish the guest now answers to. Refuses with `conflict` a generation older than the guest's.
  virtual Result<void> set_generation(const VmId& id, std::int64_t generation) = 0;
  /// The last 64 KiB that the guest wrote to its serial console, over restarts; empty when there is nothing.
  virtual std::string console(const VmId& id) = 0;
  virtual NodeCapacity capacity() = 0;
  /// Runs a probe guest and says what guests of this node are to be run by. With `automatic` that is TCG when KVM is
  /// missing, forbidden or does not get a guest going in time. Refuses `unavailable` when what was asked for does not.
  virtual Result<AccelerationProof> prove(AccelerationWish wish) = 0;
  /// Whether the hypervisor answers now; tries to reach it when it does not. Never throws HypervisorAway.
  virtual bool is_alive() = 0;
};

}  // namespace cadastre

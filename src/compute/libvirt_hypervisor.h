// The node's hypervisor over libvirt's C API.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "compute/guest_folder.h"
#include "compute/libvirt_connection.h"
#include "compute/libvirt_events.h"
#include "compute/libvirt_guest.h"
#include "compute/machine.h"
#include "compute/open_hypervisor.h"

namespace cadastre {

/// Keeps nothing of its own about guests: every verb looks at libvirt and acts on what it sees, and every guest carries
/// whose it is. So it does not matter who else acts, what was interrupted, or in which order events came.
class LibvirtHypervisor final : public Hypervisor {
 public:
  LibvirtHypervisor(HypervisorSettings settings, const Clock& clock, Random& random);

  GuestSight list() override;
  std::optional<Guest> find(const VmId& id) override;
  Result<Guest> define_and_start(const GuestSpec& spec) override;
  Result<Guest> start(const VmId& id) override;
  Result<void> shut_down(const VmId& id) override;
  Result<void> destroy(const VmId& id) override;
  Result<void> reboot(const VmId& id) override;
  Result<void> reset(const VmId& id) override;
  Result<void> remove(const VmId& id) override;
  Result<void> set_generation(const VmId& id, std::int64_t generation) override;
  std::string console(const VmId& id) override;
  NodeCapacity capacity() override;
  Result<AccelerationProof> prove(AccelerationWish wish) override;
  bool is_alive() override;

 private:
  using ConnectionPtr = std::shared_ptr<LibvirtConnection>;
  /// A domain with what was last seen of it; no handle when there is none.
  struct Found {
    ConnectionPtr connection;
    DomainHandle domain;
    DomainSight sight;
    bool has_process() const {
      return sight.state == GuestState::starting || sight.state == GuestState::running ||
             sight.state == GuestState::paused;
    }
  };

  /// The open connection, or a new one when that was lost. Throws HypervisorAway.
  ConnectionPtr connection();
  /// Refuses with `conflict` a domain that is not ours.
  Result<Found> find_ours(const VmId& id);
  /// The same, and refuses with `not_found` when there is none.
  Result<Found> find_present(const VmId& id);
  Result<Guest> define_new_ports_and_start(const ConnectionPtr& connection, const GuestSpec& spec,
                                           const std::vector<HostPort>& had);
  Result<Guest> start_defined(const Found& found);
  /// Does to a guest with a process what `call` does; on one without, `on_absent` is the answer.
  template <class Call>
  Result<void> act(const VmId& id, Call call, const char* failed, const Result<void>& on_absent);
  Result<std::chrono::milliseconds> run_probe(Acceleration acceleration);
  Result<std::chrono::milliseconds> await_marker(const VmId& id, std::string_view marker);

  HypervisorSettings settings_;
  const Clock& clock_;
  Random& random_;
  GuestFolder folder_;
  GuestFolder probes_;    ///< Beside it, so that a probe is never taken for a guest.
  LibvirtEvents events_;  // before every connection, after the last
  std::mutex connection_mutex_;
  ConnectionPtr connection_;
  std::mutex ports_mutex_;  ///< From the choice of host ports until they are a domain's.
  std::mutex machine_mutex_;
  Machine machine_;
};

}  // namespace cadastre

// The agent of a node: hears what is wished, sees to it, and tells what has become of it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/backoff.h"
#include "agent/guest_keeper.h"
#include "agent/outage.h"
#include "agent/wakeup.h"
#include "base/random.h"
#include "base/time.h"
#include "service/control_plane_port.h"
#include "service/hypervisor_port.h"

namespace cadastre {

struct AgentSettings {
  KeeperSettings keeper;
  AccelerationWish acceleration = AccelerationWish::automatic;
  bool runs_nothing = false;  ///< The hypervisor is libvirt's driver for tests: there is nothing to prove.
  std::chrono::seconds heartbeat{10};
  std::chrono::seconds wait{20};  ///< How long the control plane may hold back the answer when nothing new is wished.
  std::string hostname;
  std::string boot_id;
  bool reserved = false;
};

/// What the machine is now, for a heartbeat.
NodeFacts node_facts(const NodeCapacity& capacity, const AgentSettings& settings, bool is_kvm_available);

/// Six lives that wait for each other nowhere: heartbeats, wishes, the guests, reports, consoles, and the proof of what
/// guests can be run with. Each is a function that does one turn and answers how long to rest until the next; `run`
/// gives each a thread.
class Agent {
 public:
  using Rest = std::chrono::milliseconds;
  /// How long a call of the hypervisor may take before it counts as one that does not come back. libvirt 9.0 takes a
  /// minute to define a guest where it may not open /dev/kvm.
  static constexpr std::chrono::seconds call_patience{120};

  /// All outlive it; the control plane, the hypervisor, the clock and the chance are used by several threads.
  /// `guests_changed` is what the hypervisor rings.
  Agent(ControlPlane& control_plane, Hypervisor& hypervisor, FindBoot find_boot, WishJournal& journal,
        const Clock& clock, Random& random, Wakeup& guests_changed, AgentSettings settings);

  /// Renews the token when it is due and tells that the node lives. There is no heartbeat while the hypervisor cannot
  /// be reached or does not come back from a call: the node could run nothing that is placed on it.
  Rest beat();
  /// Asks what is wished. Blocks up to `wait`.
  Rest poll();
  /// Makes the guests what is wished.
  Rest work();
  /// Tells what the control plane does not know yet.
  Rest tell();
  /// Shows the control plane what the guests wrote to their consoles since the last time: at once when a guest was
  /// silent for long, and ever less often, down to every 30 s, while one goes on writing.
  Rest show();
  /// Finds out what guests can be run with; nothing is started before, and no heartbeat sent. Tries again when nothing
  /// works, or not what the operator insists on.
  Rest prove();

  /// All of them, until it is to stop; then it interrupts the control plane. Throws what ended one of them.
  void run(const std::stop_token& stop);

 private:
  /// A console as the control plane has it, and when it may be shown again.
  struct Shown {
    std::string text;
    Tick not_before;
    std::chrono::seconds wait{0};
  };
  /// One of them.
  struct Life {
    explicit Life(std::string trouble, BackoffLimits limits = {}) : outage(std::move(trouble)), backoff(limits) {}
    Rest failed(const std::string& reason, const Clock& clock, Random& random) {
      outage.begin(reason);
      const Rest rest = backoff.draw(random);
      not_before = clock.tick() + rest;
      return rest;
    }
    void worked() {
      outage.end();
      backoff.reset();
      not_before.reset();
    }
    /// What is left of the rest after a failure; nothing to rest otherwise.
    Rest rest_left(Tick now) const { return not_before ? std::max(Rest(0), *not_before - now) : Rest(0); }
    Outage outage;
    Backoff backoff;
    std::optional<Tick> not_before;
  };

  /// What fails at the end was interrupted, and is no trouble.
  Rest failed(Life& life, const std::string& reason) {
    return is_ending_ ? Rest(0) : life.failed(reason, clock_, random_);
  }

  /// Whether a call of the hypervisor does not come back; says so once, and what to do.
  bool is_hypervisor_stuck();

  ControlPlane& control_plane_;
  Hypervisor& hypervisor_;
  const Clock& clock_;
  Random& random_;
  Wakeup& guests_changed_;
  const AgentSettings settings_;
  GuestKeeper keeper_;
  Wakeup heartbeat_due_;
  Wakeup wishes_due_;
  Wakeup reports_due_;
  Wakeup proof_due_;
  Wakeup consoles_due_;
  std::atomic<bool> is_proved_ = false;
  std::atomic<bool> is_kvm_available_ = false;
  std::atomic<bool> is_hypervisor_here_ = false;  ///< It answered the last time.
  std::atomic<bool> was_heard_ = false;           ///< A heartbeat was rung for since the hypervisor is here.
  std::atomic<bool> is_ending_ = false;
  std::optional<std::int64_t> wishes_number_;  ///< Of the polling thread alone.
  std::map<VmId, Shown> shown_;                ///< Of the showing thread alone.
  bool is_told_stuck_ = false;                 ///< Of the beating thread alone.
  Life beating_{"the control plane takes no heartbeat"};
  Life polling_{"the control plane does not say what it wishes"};
  Life working_{"the hypervisor does not answer", {.most = std::chrono::seconds(10)}};
  Life telling_{"the control plane takes no reports"};
  Life showing_{"the control plane takes no consoles"};
  Life proving_{"no guest can be run as the setting acceleration demands"};
};

}  // namespace cadastre

// Makes the guests of a node what is wished of them.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/guest_step.h"
#include "agent/report_box.h"
#include "agent/wish_journal.h"
#include "service/hypervisor_port.h"

namespace cadastre {

/// From what a guest boots. Nothing while that is on its way; whoever brings it sees to it that the keeper works again.
/// Refuses a wish that there is nothing for.
using FindBoot = std::function<Result<std::optional<BootSource>>(const WishedGuest& wish)>;

struct KeeperSettings {
  Graces graces;
  std::size_t threads = 4;  ///< At how many guests it works at a time.
};

/// Looks, decides with `next_step`, and acts. Keeps nothing that matters but the journal: it may be stopped at any
/// moment and started again. Nothing happens to guests of which nothing is wished.
class GuestKeeper {
 public:
  /// How long nothing is looked at while nobody says that something has changed.
  static constexpr std::chrono::seconds look_interval{10};

  GuestKeeper(Hypervisor& hypervisor, FindBoot find_boot, WishJournal& journal, const Clock& clock,
              KeeperSettings settings);

  /// What is wished from now on. Safe to call while it works.
  void take(NodeWishes wishes);
  /// With what guests are to be run; before it is known nothing is started, and all else is done. Safe to call while it
  /// works.
  void run_with(Acceleration acceleration);
  /// Looks at all guests once and does what is to be done; answers how long until it is to look again. What it found is
  /// in `reports` and `guests`. Throws HypervisorAway when the hypervisor went away, and std::system_error when the
  /// agent's own files cannot be written; what could be done is done.
  std::chrono::milliseconds work();
  /// How long the call of the hypervisor that began first has been under way; zero when none is. Safe to call while it
  /// works.
  std::chrono::milliseconds longest_call() const;

  ReportBox& reports() { return reports_; }
  /// All guests of ours on the node, wished or not, as they were last seen.
  std::vector<VmId> guests() const;
  /// Those of them that something is wished of.
  std::vector<VmId> wished_guests() const;

 private:
  /// What is remembered of one guest between two looks.
  struct Memory {
    std::optional<Tick> asked_to_end;
    std::optional<Tick> removal_again_at;  ///< A removal that was refused is not tried before.
    std::chrono::milliseconds removal_wait{0};
    std::optional<Tick> starting_since;
    std::optional<Tick> restart_at;  ///< A guest that ended by itself is not started again before.
    std::optional<Tick> running_since;
    int restarts = 0;  ///< Since it last ran for long.
  };
  /// Notes a call of the hypervisor for as long as it is under way.
  class Call {
   public:
    explicit Call(GuestKeeper& keeper);
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call();

   private:
    GuestKeeper& keeper_;
    std::multiset<Tick>::const_iterator place_;
  };

  void note_sight(const GuestSight& sight, const std::set<VmId>& wished);
  /// Names in the log, once, what nobody wishes anything of.
  void note_orphans(const std::set<VmId>& wished);
  GuestView view_of(const WishedGuest& wish, const GuestSight& sight);
  /// Goes on with one guest until it is to rest; answers when it is to be looked at again.
  std::optional<Tick> settle(const WishedGuest& wish, GuestView view);
  /// False when it has to wait for something, and nothing was done.
  Result<bool> act(const WishedGuest& wish, GuestVerb verb);
  /// Decides when a guest that has ended by itself may be started again.
  void note_restart(const WishedGuest& wish, const GuestView& view);
  void press_power_button(const WishedGuest& wish);
  Result<bool> define_and_start(const WishedGuest& wish, Acceleration acceleration);
  /// What becomes of a wish that was refused; answers when it is tried again.
  std::optional<Tick> refused(const WishedGuest& wish, GuestVerb verb, const Refusal& refusal);
  Memory& memory_of(const VmId& id);
  std::optional<Acceleration> acceleration() const;

  Hypervisor& hypervisor_;
  const FindBoot find_boot_;
  WishJournal& journal_;
  const Clock& clock_;
  const KeeperSettings settings_;
  ReportBox reports_;

  mutable std::mutex mutex_;  ///< Guards what follows.
  std::optional<NodeWishes> wishes_;
  std::optional<Acceleration> acceleration_;
  std::map<VmId, Memory> memories_;
  std::vector<VmId> guests_;
  std::set<VmId> known_orphans_;
  std::multiset<Tick> calls_;  ///< When each that is under way began.
};

}  // namespace cadastre

// The life of a VM on a node: the control plane wishes, the agent reports, and the generation settles races.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/vm.h"

namespace cadastre {

/// What an agent sees of one guest. `absent`: neither a process nor a disk is left of it.
enum class ReportedState { running, stopped, failed, absent };

/// As reports spell it: `running`.
std::string_view name_of(ReportedState state);
std::optional<ReportedState> parse_reported_state(std::string_view text);

struct GuestReport {
  VmId vm;
  std::int64_t generation = 0;  ///< Of the wish that the agent has carried out last, or tried to.
  ReportedState state = ReportedState::absent;
  std::string error;  ///< Why it failed, as a sentence; required of `failed`, and of no other.
  std::vector<HostPort> host_ports;
  friend bool operator==(const GuestReport&, const GuestReport&) = default;
};

/// What a report makes of the VM that it is about.
enum class ReportOutcome {
  nothing,  ///< It says nothing new, or is about a wish that has been overtaken.
  changed,  ///< The VM is another: its row and a leaf are to be written.
  gone,     ///< Nothing is left of a VM that was to be deleted: its row and its charge go.
};

/// Refuses a failure without a sentence, and a sentence without a failure.
Result<void> check_report(const GuestReport& report);

/// Changes the VM as the report says. A report of an older generation changes nothing; nor does one of a guest that has
/// yet to be what is wished. A VM that is to be deleted changes only by being absent. Refuses a report that nobody can
/// believe: of a generation that was never wished, or a failure without a sentence.
Result<ReportOutcome> apply_report(Vm& vm, const GuestReport& report, Instant now);

/// Wishes it to run or to stop; false when that changes nothing, since it is wished already and not contradicted by
/// what the VM is: one that stopped by itself or failed is started again. One that waits for a node is stopped by being
/// wished so, and waits again when it is to run. Requires `admit_wish`.
bool wish(Vm& vm, VmWish wanted);

/// From now on only the report that nothing is left of it changes it. Requires that it is not being deleted yet.
void begin_deletion(Vm& vm);

/// Its node is gone for good, and its disk with it: it is in `Error` without a node, and does not run until it is asked
/// to again.
void lose_node(Vm& vm);

/// Whether it can be asked to start over. Refuses one that does not run.
Result<void> admit_reboot(const Vm& vm);

}  // namespace cadastre

// What is to be done next to one guest, so that it becomes what is wished.
#pragma once

#include <chrono>
#include <optional>

#include "domain/guest.h"
#include "service/control_plane_port.h"

namespace cadastre {

/// The verbs of a hypervisor that a wish may need. `rest`: nothing, until the guest changes or time has passed.
enum class GuestVerb { rest, define_and_start, shut_down, destroy, remove, note_generation };

/// How long a guest may take to end by itself.
struct Graces {
  std::chrono::milliseconds stop = std::chrono::seconds(30);
  std::chrono::milliseconds removal = std::chrono::seconds(5);
};

/// One VM as its node has it.
struct GuestView {
  std::optional<Guest> guest;            ///< Nothing when the hypervisor has none.
  bool has_leftovers = false;            ///< Files of it lie about without a guest.
  std::int64_t carried_out = 0;          ///< The generation that this agent carried out last; 0: none.
  std::int64_t begun = 0;                ///< One whose start it began, and did not live to see the end of; 0: none.
  std::optional<Tick> asked_to_end{};    ///< Since when the guest has been asked to end by itself, for this wish.
  std::optional<Tick> starting_since{};  ///< Since when it has been seen on its way to run, and no further.
  std::optional<Tick> restart_at{};  ///< When one that ended by itself may be started again; nothing: not yet known.
};

struct GuestStep {
  GuestVerb verb = GuestVerb::rest;
  std::optional<GuestReport> report;  ///< What the control plane is to know; only when there is nothing to do.
  std::optional<Tick> again_at;       ///< When to look again, whatever happens.
};

/// Each generation is carried out once: a guest that has ended since is reported, and started again only as its restart
/// policy says and when its time has come; one that vanished is not made anew. A wish older than what the guest answers
/// to already asks for nothing.
GuestStep next_step(const WishedGuest& wish, const GuestView& view, const Graces& graces, Tick now);

/// How long a guest may be on its way to run before that is taken for cut off, and begun again.
constexpr std::chrono::seconds start_patience{10};

/// Whether its policy has a guest started again that has ended in that state.
bool is_restarted(RestartPolicy policy, GuestState state);

/// How long a guest is left alone that has been restarted so many times of late: 1 s, doubled each time, up to 5 min.
std::chrono::milliseconds restart_wait(int restarts);

/// A report that the wish could not be carried out. The sentence is cut to what a report may carry, and of it only
/// printable text is kept.
GuestReport failure_report(const WishedGuest& wish, std::string_view sentence);

}  // namespace cadastre

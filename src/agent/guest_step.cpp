#include "agent/guest_step.h"

#include <algorithm>
#include <utility>

namespace cadastre {
namespace {

constexpr std::size_t sentence_bytes_max = 500;  // of a report's error
constexpr const char* start_cut_off = "The guest was never let run: its start was cut off on the node.";
constexpr const char* no_sentence = "The hypervisor gave no reason.";

GuestState state_of(const GuestView& view) { return view.guest ? view.guest->state : GuestState::absent; }

std::int64_t generation_of(const GuestView& view) {
  return std::max(view.carried_out, view.guest ? view.guest->generation : 0);
}

GuestStep act(GuestVerb verb) { return {.verb = verb, .report = {}, .again_at = {}}; }

GuestStep tell(const WishedGuest& wish, ReportedState state) {
  return {.report = GuestReport{.vm = wish.id, .generation = wish.generation, .state = state}};
}

/// Asks the guest to end, gives it time, and then does what ends it anyhow.
GuestStep end_within(std::chrono::milliseconds grace, GuestVerb in_the_end, const GuestView& view, Tick now) {
  if (state_of(view) != GuestState::running || grace.count() == 0) return act(in_the_end);
  if (!view.asked_to_end) return act(GuestVerb::shut_down);
  const Tick deadline = *view.asked_to_end + grace;
  if (now >= deadline) return act(in_the_end);
  return {.again_at = deadline};
}

GuestStep remove_step(const WishedGuest& wish, const GuestView& view, const Graces& graces, Tick now) {
  if (!view.guest && !view.has_leftovers) return tell(wish, ReportedState::absent);
  return end_within(graces.removal, GuestVerb::remove, view, now);
}

GuestStep stop_step(const WishedGuest& wish, const GuestView& view, const Graces& graces, Tick now) {
  switch (state_of(view)) {
    case GuestState::absent: return tell(wish, ReportedState::absent);
    case GuestState::running: return end_within(graces.stop, GuestVerb::destroy, view, now);
    case GuestState::starting:
    case GuestState::paused: return act(GuestVerb::destroy);
    case GuestState::stopped:
    case GuestState::failed:
      if (view.guest->generation < wish.generation) return act(GuestVerb::note_generation);
      return tell(wish, ReportedState::stopped);
  }
  std::unreachable();
}

/// Whether the agent was cut off between making the guest and starting it.
bool is_start_unfinished(const WishedGuest& wish, const GuestView& view) {
  const GuestState state = state_of(view);
  return view.begun == wish.generation && state != GuestState::running && state != GuestState::paused;
}

/// Until when a guest that is on its way to run is left to whoever starts it.
std::optional<Tick> end_of_patience(const GuestView& view) {
  if (state_of(view) != GuestState::starting || !view.starting_since) return std::nullopt;
  return *view.starting_since + start_patience;
}

GuestStep start_step(const GuestView& view, const Graces& graces, Tick now) {
  const GuestState state = state_of(view);
  const bool has_process = state == GuestState::starting || state == GuestState::running || state == GuestState::paused;
  return has_process ? end_within(graces.stop, GuestVerb::destroy, view, now) : act(GuestVerb::define_and_start);
}

/// What has become of a wish that was carried out before.
GuestStep tell_state(const WishedGuest& wish, const GuestView& view) {
  switch (state_of(view)) {
    case GuestState::absent: return tell(wish, ReportedState::absent);
    case GuestState::stopped: return tell(wish, ReportedState::stopped);
    case GuestState::starting: return {.report = failure_report(wish, start_cut_off)};
    case GuestState::running: {
      GuestStep step = tell(wish, ReportedState::running);
      step.report->host_ports = view.guest->host_ports;
      return step;
    }
    case GuestState::paused:
    case GuestState::failed: return {.report = failure_report(wish, view.guest->reason)};
  }
  std::unreachable();
}

GuestStep seen_step(const WishedGuest& wish, const GuestView& view, Tick now) {
  if (!is_restarted(wish.restart, state_of(view))) return tell_state(wish, view);
  if (view.restart_at && now >= *view.restart_at) return act(GuestVerb::define_and_start);
  GuestStep step = tell_state(wish, view);
  step.again_at = view.restart_at;
  return step;
}

/// How many bytes the character takes that begins there (RFC 3629 section 4); 0 when it is none that can be shown.
std::size_t character_bytes(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text.front());
  if (byte < 0x80) return byte >= ' ' && byte != 0x7f ? 1 : 0;
  const std::size_t bytes = byte >= 0xf1 && byte <= 0xf3   ? 4
                            : byte >= 0xe1 && byte <= 0xec ? 3
                            : byte >= 0xc3 && byte <= 0xdf ? 2
                                                           : 0;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; };
  if (bytes == 0 || text.size() < bytes || !std::ranges::all_of(text.substr(1, bytes - 1), continues)) return 0;
  return bytes;
}

}  // namespace

GuestStep next_step(const WishedGuest& wish, const GuestView& view, const Graces& graces, Tick now) {
  const std::int64_t generation = generation_of(view);
  if (wish.generation < generation) return {};
  switch (wish.wish) {
    case GuestWish::remove: return remove_step(wish, view, graces, now);
    case GuestWish::stop: return stop_step(wish, view, graces, now);
    case GuestWish::run:
      if (const auto until = end_of_patience(view); until && now < *until) return {.again_at = until};
      if (wish.generation > generation || is_start_unfinished(wish, view)) return start_step(view, graces, now);
      return seen_step(wish, view, now);
  }
  std::unreachable();
}

bool is_restarted(RestartPolicy policy, GuestState state) {
  if (state == GuestState::failed) return policy != RestartPolicy::never;
  return state == GuestState::stopped && policy == RestartPolicy::always;
}

std::chrono::milliseconds restart_wait(int restarts) {
  constexpr std::chrono::milliseconds most = std::chrono::minutes(5);
  constexpr int doublings_max = 10;
  return std::min<std::chrono::milliseconds>(std::chrono::seconds(1LL << std::min(restarts, doublings_max)), most);
}

GuestReport failure_report(const WishedGuest& wish, std::string_view sentence) {
  GuestReport report{.vm = wish.id, .generation = wish.generation, .state = ReportedState::failed};
  while (!sentence.empty()) {
    const std::size_t bytes = character_bytes(sentence);
    if (report.error.size() + std::max<std::size_t>(bytes, 1) > sentence_bytes_max) break;
    if (bytes == 0)
      report.error += ' ';
    else
      report.error += sentence.substr(0, bytes);
    sentence.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  if (report.error.find_first_not_of(' ') == std::string::npos) report.error = no_sentence;
  return report;
}

}  // namespace cadastre

#include "agent/guest_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <system_error>
#include <utility>

#include "agent/cloud_init.h"
#include "base/invariant.h"
#include "base/log.h"
#include "base/threads.h"

namespace cadastre {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds ending_interval = std::chrono::seconds(1);  // between looks at a guest that is to end
constexpr milliseconds removal_wait_min = std::chrono::seconds(2);
constexpr milliseconds removal_wait_max = std::chrono::minutes(1);
constexpr milliseconds long_run = std::chrono::minutes(10);  // after that, restarts are counted anew
constexpr int steps_max = 8;                                 // a power cycle takes four

const char* name_of(GuestVerb verb) {
  switch (verb) {
    case GuestVerb::rest: return "rest";
    case GuestVerb::define_and_start: return "define and start";
    case GuestVerb::shut_down: return "shut down";
    case GuestVerb::destroy: return "destroy";
    case GuestVerb::remove: return "remove";
    case GuestVerb::note_generation: return "note the generation";
  }
  std::unreachable();
}

std::set<VmId> ids_of(const NodeWishes& wishes) {
  std::set<VmId> ids;
  for (const WishedGuest& wish : wishes.guests) ids.insert(wish.id);
  return ids;
}

GuestSpec spec_of(const WishedGuest& wish, BootSource boot, Acceleration acceleration) {
  std::optional<GuestSeed> seed;  // what boots a kernel of the node's own reads none
  if (std::holds_alternative<ImageBoot>(boot)) seed = cloud_init_seed(wish);
  return {.id = wish.id,
          .tenant = wish.tenant,
          .generation = wish.generation,
          .name = wish.name,
          .ram = wish.ram,
          .vcpus = wish.vcpus,
          .disk = wish.disk,
          .acceleration = acceleration,
          .boot = std::move(boot),
          .ports = wish.ports,
          .seed = std::move(seed)};
}

void note_step(const WishedGuest& wish, GuestVerb verb) {
  log::info("a guest is made what is wished",
            {{"vm_id", wish.id.text()}, {"generation", wish.generation}, {"step", name_of(verb)}});
}

Result<void> check_fit(const WishedGuest& wish) {
  if (!wish.image || wish.disk >= wish.image->min_disk) return {};
  return refuse(Code::invalid_field, "disk_gb",
                fmt::format("disk_gb must be at least {} for the image {}; it is {}.", wish.image->min_disk.value,
                            wish.image->name, wish.disk.value));
}

/// Why it was refused, as a sentence that ends as one.
std::string sentence_of(const Refusal& refusal) {
  if (refusal.detail.empty() || refusal.detail.ends_with('.')) return refusal.detail;
  return refusal.detail + ".";
}

}  // namespace

GuestKeeper::GuestKeeper(Hypervisor& hypervisor, FindBoot find_boot, WishJournal& journal, const Clock& clock,
                         KeeperSettings settings)
    : hypervisor_(hypervisor),
      find_boot_(std::move(find_boot)),
      journal_(journal),
      clock_(clock),
      settings_(settings) {}

GuestKeeper::Call::Call(GuestKeeper& keeper) : keeper_(keeper) {
  const std::scoped_lock lock(keeper.mutex_);
  place_ = keeper.calls_.insert(keeper.clock_.tick());
}

GuestKeeper::Call::~Call() {
  const std::scoped_lock lock(keeper_.mutex_);
  keeper_.calls_.erase(place_);
}

milliseconds GuestKeeper::longest_call() const {
  const std::scoped_lock lock(mutex_);
  return calls_.empty() ? milliseconds(0) : clock_.tick() - *calls_.begin();
}

void GuestKeeper::take(NodeWishes wishes) {
  const std::scoped_lock lock(mutex_);
  wishes_ = std::move(wishes);
}

void GuestKeeper::run_with(Acceleration acceleration) {
  const std::scoped_lock lock(mutex_);
  acceleration_ = acceleration;
}

std::optional<Acceleration> GuestKeeper::acceleration() const {
  const std::scoped_lock lock(mutex_);
  return acceleration_;
}

std::vector<VmId> GuestKeeper::guests() const {
  const std::scoped_lock lock(mutex_);
  return guests_;
}

std::vector<VmId> GuestKeeper::wished_guests() const {
  const std::scoped_lock lock(mutex_);
  if (!wishes_) return {};
  const std::set<VmId> wished = ids_of(*wishes_);
  std::vector<VmId> both;
  std::ranges::copy_if(guests_, std::back_inserter(both), [&](const VmId& id) { return wished.contains(id); });
  return both;
}

void GuestKeeper::note_sight(const GuestSight& sight, const std::set<VmId>& wished) {
  const std::scoped_lock lock(mutex_);
  std::set<VmId> here(sight.leftovers.begin(), sight.leftovers.end());
  for (const Guest& guest : sight.guests) here.insert(guest.id);
  guests_.assign(here.begin(), here.end());
  if (wishes_) std::erase_if(memories_, [&](const auto& memory) { return !wished.contains(memory.first); });
}

void GuestKeeper::note_orphans(const std::set<VmId>& wished) {
  const std::scoped_lock lock(mutex_);
  if (!wishes_) return;
  const std::set<VmId> here(guests_.begin(), guests_.end());
  std::erase_if(known_orphans_, [&](const VmId& id) { return !here.contains(id) || wished.contains(id); });
  for (const VmId& id : here) {
    if (wished.contains(id) || !known_orphans_.insert(id).second) continue;
    log::warn("a guest that no VM stands behind is left as it is: remove it by hand if nobody misses it",
              {{"vm_id", id.text()}});
  }
}

GuestKeeper::Memory& GuestKeeper::memory_of(const VmId& id) {
  const std::scoped_lock lock(mutex_);
  return memories_[id];  // stays where it is while others come; each is used by one thread
}

GuestView GuestKeeper::view_of(const WishedGuest& wish, const GuestSight& sight) {
  GuestView view;
  const auto guest = std::ranges::find(sight.guests, wish.id, &Guest::id);
  if (guest != sight.guests.end() && guest->state != GuestState::absent) view.guest = *guest;
  view.has_leftovers = std::ranges::find(sight.leftovers, wish.id) != sight.leftovers.end();
  return view;
}

milliseconds GuestKeeper::work() {
  const GuestSight sight = [this] {
    const Call call(*this);
    return hypervisor_.list();
  }();
  const std::optional<NodeWishes> wishes = [this] {
    const std::scoped_lock lock(mutex_);
    return wishes_;
  }();
  const std::set<VmId> wished = wishes ? ids_of(*wishes) : std::set<VmId>();
  note_sight(sight, wished);
  note_orphans(wished);
  if (!wishes) return look_interval;
  reports_.keep_only(wished);
  journal_.keep_only(wished);

  std::mutex mutex;  // guards the next two
  Tick again_at = clock_.tick() + look_interval;
  std::exception_ptr trouble;
  in_threads(wishes->guests.size(), settings_.threads, [&](std::size_t i) {
    const WishedGuest& wish = wishes->guests[i];
    try {
      const auto next = settle(wish, view_of(wish, sight));
      const std::scoped_lock lock(mutex);
      if (next) again_at = std::min(again_at, *next);
    } catch (const HypervisorAway&) {
      const std::scoped_lock lock(mutex);
      trouble = std::current_exception();
    } catch (const std::system_error&) {
      const std::scoped_lock lock(mutex);
      trouble = std::current_exception();
    }
  });
  if (trouble) std::rethrow_exception(trouble);
  return std::max(milliseconds(0), again_at - clock_.tick());
}

std::optional<Tick> GuestKeeper::settle(const WishedGuest& wish, GuestView view) {
  Memory& memory = memory_of(wish.id);
  if (memory.removal_again_at && clock_.tick() < *memory.removal_again_at) return memory.removal_again_at;
  for (int step_count = 0; step_count < steps_max; ++step_count) {
    const auto tried = journal_.find(wish.id);
    if (wish.wish != GuestWish::remove && tried.generation == wish.generation && !tried.failure.empty()) {
      reports_.put(failure_report(wish, tried.failure));
      return std::nullopt;
    }
    if (!view.guest || view.guest->state != GuestState::running) memory.asked_to_end.reset();
    note_restart(wish, view);
    if (!view.guest || view.guest->state != GuestState::starting)
      memory.starting_since.reset();
    else if (!memory.starting_since)
      memory.starting_since = clock_.tick();
    view.starting_since = memory.starting_since;
    view.asked_to_end = memory.asked_to_end;
    view.restart_at = memory.restart_at;
    view.carried_out = tried.generation;
    view.begun = tried.begun;
    const GuestStep step = next_step(wish, view, settings_.graces, clock_.tick());
    if (step.verb == GuestVerb::rest) {
      if (step.report) reports_.put(*step.report);
      return step.again_at ? std::min(*step.again_at, clock_.tick() + ending_interval) : step.again_at;
    }
    if (step.verb == GuestVerb::define_and_start && !acceleration()) return std::nullopt;
    const Call call(*this);
    const auto done = act(wish, step.verb);
    if (!done) return refused(wish, step.verb, done.error());
    if (!*done) return std::nullopt;
    view.guest = hypervisor_.find(wish.id);
    if (step.verb == GuestVerb::remove) view.has_leftovers = false;
  }
  return clock_.tick() + ending_interval;  // somebody else changes it as well; it is looked at again
}

void GuestKeeper::note_restart(const WishedGuest& wish, const GuestView& view) {
  Memory& memory = memory_of(wish.id);
  const Tick now = clock_.tick();
  const GuestState state = view.guest ? view.guest->state : GuestState::absent;
  if (state == GuestState::running) {
    if (!memory.running_since) memory.running_since = now;
    memory.restart_at.reset();
    return;
  }
  const auto began = std::exchange(memory.running_since, std::nullopt);
  if (began && now - *began >= long_run) memory.restarts = 0;
  if (wish.wish == GuestWish::run && !memory.restart_at && is_restarted(wish.restart, state))
    memory.restart_at = now + restart_wait(memory.restarts++);
}

Result<bool> GuestKeeper::act(const WishedGuest& wish, GuestVerb verb) {
  if (verb == GuestVerb::define_and_start) return define_and_start(wish, acceleration().value());
  note_step(wish, verb);
  switch (verb) {
    case GuestVerb::rest:
    case GuestVerb::define_and_start: break;
    case GuestVerb::shut_down: press_power_button(wish); break;
    case GuestVerb::destroy: TRY(hypervisor_.destroy(wish.id)); break;
    case GuestVerb::remove: TRY(hypervisor_.remove(wish.id)); break;
    case GuestVerb::note_generation:
      TRY(hypervisor_.set_generation(wish.id, wish.generation));
      journal_.put(wish.id, {.generation = wish.generation, .failure = {}});
      break;
  }
  return true;
}

/// A guest without a button gets the same time as one that does not heed it: it may be on its way already.
void GuestKeeper::press_power_button(const WishedGuest& wish) {
  const auto pressed = hypervisor_.shut_down(wish.id);
  memory_of(wish.id).asked_to_end = clock_.tick();
  if (!pressed)
    log::warn("a guest cannot be asked to end", {{"vm_id", wish.id.text()}, {"reason", pressed.error().detail}});
}

Result<bool> GuestKeeper::define_and_start(const WishedGuest& wish, Acceleration acceleration) {
  TRY(check_fit(wish));
  auto boot = TRY(find_boot_(wish));
  if (!boot) return false;
  note_step(wish, GuestVerb::define_and_start);
  WishJournal::Entry entry = journal_.find(wish.id);
  entry.begun = wish.generation;
  journal_.put(wish.id, entry);
  TRY(hypervisor_.define_and_start(spec_of(wish, *std::move(boot), acceleration)));
  journal_.put(wish.id, {.generation = wish.generation, .failure = {}});
  return true;
}

std::optional<Tick> GuestKeeper::refused(const WishedGuest& wish, GuestVerb verb, const Refusal& refusal) {
  const std::string sentence = sentence_of(refusal);
  Memory& memory = memory_of(wish.id);
  if (wish.wish != GuestWish::remove || memory.removal_wait.count() == 0) {
    log::warn(
        "a wish cannot be carried out",
        {{"vm_id", wish.id.text()}, {"generation", wish.generation}, {"step", name_of(verb)}, {"reason", sentence}});
  }
  if (wish.wish != GuestWish::remove) {
    const GuestReport report = failure_report(wish, sentence);
    journal_.put(wish.id, {.generation = wish.generation, .failure = report.error});
    reports_.put(report);
    return std::nullopt;
  }
  // Nobody wishes anything else of it ever again, and it is charged until nothing is left of it.
  memory.removal_wait = std::clamp(memory.removal_wait * 2, removal_wait_min, removal_wait_max);
  memory.removal_again_at = clock_.tick() + memory.removal_wait;
  return memory.removal_again_at;
}

}  // namespace cadastre

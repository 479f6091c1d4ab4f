#include "agent/agent.h"

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.h"

namespace cadastre {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds proved_rest = std::chrono::hours(24);  // there is nothing more to do
constexpr std::chrono::seconds console_interval_min{1};
constexpr std::chrono::seconds console_interval_max{30};
constexpr milliseconds poll_interval_min = std::chrono::seconds(1);  // when the control plane does not wait

}  // namespace

NodeFacts node_facts(const NodeCapacity& capacity, const AgentSettings& settings, bool is_kvm_available) {
  return {.hostname = settings.hostname,
          .boot_id = settings.boot_id,
          .ram_total = capacity.ram_total,
          .ram_used = capacity.ram_used,
          .cores = capacity.cores,
          .cpu_load_pct = capacity.load_pct,
          .disk_total = capacity.disk_total,
          .disk_used = capacity.disk_used,
          .kvm_available = is_kvm_available,
          .reserved = settings.reserved};
}

Agent::Agent(ControlPlane& control_plane, Hypervisor& hypervisor, FindBoot find_boot, WishJournal& journal,
             const Clock& clock, Random& random, Wakeup& guests_changed, AgentSettings settings)
    : control_plane_(control_plane),
      hypervisor_(hypervisor),
      clock_(clock),
      random_(random),
      guests_changed_(guests_changed),
      settings_(std::move(settings)),
      keeper_(hypervisor, std::move(find_boot), journal, clock, settings_.keeper) {}

Agent::Rest Agent::beat() {
  try {
    if (const auto renewed = control_plane_.renew_if_due(); !renewed) return failed(beating_, renewed.error().detail);
    if (!is_proved_ || !is_hypervisor_here_ || is_hypervisor_stuck()) return settings_.heartbeat;
    const auto heard =
        control_plane_.heartbeat(node_facts(hypervisor_.capacity(), settings_, is_kvm_available_), keeper_.guests());
    if (!heard) return failed(beating_, heard.error().detail);
    beating_.worked();
    return settings_.heartbeat;
  } catch (const ControlPlaneAway& fault) {
    return failed(beating_, fault.what());
  } catch (const HypervisorAway&) {
    return settings_.heartbeat;  // `work` says so
  }
}

bool Agent::is_hypervisor_stuck() {
  const milliseconds took = keeper_.longest_call();
  const bool is_stuck = took >= call_patience;
  if (is_stuck && !std::exchange(is_told_stuck_, true)) {
    log::warn("the hypervisor does not come back from a call: restart libvirtd; its guests run on",
              {{"seconds", std::chrono::floor<std::chrono::seconds>(took).count()}});
  }
  if (!is_stuck) is_told_stuck_ = false;
  return is_stuck;
}

Agent::Rest Agent::poll() {
  const Tick asked_at = clock_.tick();
  try {
    auto wishes = control_plane_.wishes(wishes_number_, settings_.wait);
    if (!wishes) return failed(polling_, wishes.error().detail);
    polling_.worked();
    const bool is_news = wishes_number_ != wishes->number;
    wishes_number_ = wishes->number;
    keeper_.take(*std::move(wishes));
    if (is_news) {
      guests_changed_.ring();
      return Rest(0);
    }
    return std::max(Rest(0), poll_interval_min - (clock_.tick() - asked_at));
  } catch (const ControlPlaneAway& fault) {
    return failed(polling_, fault.what());
  }
}

Agent::Rest Agent::prove() {
  if (is_proved_) return proved_rest;
  try {
    const auto proof = settings_.runs_nothing
                           ? Result<AccelerationProof>({Acceleration::tcg, "It is libvirt's driver for tests."})
                           : hypervisor_.prove(settings_.acceleration);
    if (!proof) return failed(proving_, proof.error().detail);
    log::info("guests are run by", {{"acceleration", name_of(proof->acceleration)}, {"because", proof->sentence}});
    proving_.worked();
    is_kvm_available_ = proof->acceleration == Acceleration::kvm;
    keeper_.run_with(proof->acceleration);
    is_proved_ = true;
    guests_changed_.ring();
    return proved_rest;
  } catch (const HypervisorAway& fault) {
    return failed(proving_, fault.what());
  }
}

Agent::Rest Agent::work() {
  Rest rest(0);
  try {
    rest = keeper_.work();
    working_.worked();
    is_hypervisor_here_ = true;
    if (is_proved_ && !was_heard_.exchange(true)) heartbeat_due_.ring();
  } catch (const HypervisorAway& fault) {
    is_hypervisor_here_ = was_heard_ = false;
    rest = failed(working_, fault.what());
  } catch (const std::system_error& fault) {  // a full disk; nothing is begun that could not be noted
    rest = failed(working_, fault.what());
  }
  reports_due_.ring();
  return rest;
}

Agent::Rest Agent::tell() {
  if (const Rest rest = telling_.rest_left(clock_.tick()); rest > Rest(0)) return rest;
  const auto reports = keeper_.reports().due(clock_.tick());
  if (reports.empty()) return keeper_.reports().until_retelling(clock_.tick());
  try {
    const auto told = control_plane_.report(reports);
    if (!told) return failed(telling_, told.error().detail);
    for (const auto& [vm, detail] : *told)
      log::warn("the control plane does not believe a report", {{"vm_id", vm.text()}, {"reason", detail}});
    keeper_.reports().confirm(reports, clock_.tick());
    telling_.worked();
    return keeper_.reports().until_retelling(clock_.tick());
  } catch (const ControlPlaneAway& fault) {
    return failed(telling_, fault.what());
  }
}

Agent::Rest Agent::show() {
  const std::vector<VmId> guests = keeper_.wished_guests();
  std::erase_if(shown_, [&](const auto& shown) { return std::ranges::find(guests, shown.first) == guests.end(); });
  try {
    for (const VmId& id : guests) {
      Shown& shown = shown_[id];
      const Tick now = clock_.tick();
      if (now < shown.not_before) continue;
      std::string text = hypervisor_.console(id);
      if (text == shown.text) {
        shown.wait = console_interval_min;
        continue;
      }
      const auto taken = control_plane_.show_console(id, text);
      // One that is on this node no more goes from the wishes too.
      if (!taken && taken.error().code != Code::not_found) return failed(showing_, taken.error().detail);
      shown.text = std::move(text);
      shown.wait = std::clamp(shown.wait, console_interval_min, console_interval_max);
      shown.not_before = now + shown.wait;
      shown.wait *= 2;
    }
    showing_.worked();
    return console_interval_min;
  } catch (const ControlPlaneAway& fault) {
    return failed(showing_, fault.what());
  } catch (const HypervisorAway&) {
    return console_interval_min;  // `work` says so
  }
}

void Agent::run(const std::stop_token& stop) {
  std::stop_source end;
  const std::stop_callback pass_on(stop, [&end] { end.request_stop(); });
  const std::stop_callback interrupt(end.get_token(), [this] {
    is_ending_ = true;
    control_plane_.interrupt();
  });
  std::mutex mutex;
  std::exception_ptr failure;
  const auto live = [&](Rest (Agent::*turn)(), Wakeup& wakeup) {
    try {
      while (!end.stop_requested()) wakeup.wait(end.get_token(), (this->*turn)());
    } catch (const std::exception&) {  // what no turn can mend ends all of them, and the program says why
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
      end.request_stop();
    }
  };
  {
    const std::jthread beats([&] { live(&Agent::beat, heartbeat_due_); });
    const std::jthread polls([&] { live(&Agent::poll, wishes_due_); });
    const std::jthread proves([&] { live(&Agent::prove, proof_due_); });
    const std::jthread tells([&] { live(&Agent::tell, reports_due_); });
    const std::jthread shows([&] { live(&Agent::show, consoles_due_); });
    live(&Agent::work, guests_changed_);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace cadastre

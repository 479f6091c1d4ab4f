// A node and a control plane that do as they are told, for tests of the agent.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "service/control_plane_port.h"
#include "service/hypervisor_port.h"

namespace cadastre {

inline VmId test_vm(int number) {
  Bytes<16> bytes{};
  bytes[0] = 1;
  bytes[15] = static_cast<std::uint8_t>(number);
  return VmId::of(bytes);
}

inline WishedGuest test_wish(int number, GuestWish wish, std::int64_t generation) {
  return {.id = test_vm(number),
          .tenant = *TenantId::parse("acme"),
          .generation = generation,
          .wish = wish,
          .name = "web",
          .vm_type = "linux",
          .ram = Mebibytes{128},
          .vcpus = VcpuCount{1},
          .disk = Gigabytes{0},
          .ports = {}};
}

/// Guests in memory. Every verb is written down as `verb number`; what is asked of a single guest changes only that
/// one.
class ScriptedHypervisor final : public Hypervisor {
 public:
  std::map<VmId, Guest> guests;
  std::set<VmId> leftovers;
  std::vector<std::string> verbs;
  std::map<std::string, std::string> refusals;  ///< By verb: the sentence it is refused with.
  std::string away;                             ///< By which verb it goes away; `all`: it is; `broken`: worse.
  bool heeds_button = true;
  std::function<void()> meanwhile;  ///< Happens while a verb is carried out, once.
  AccelerationProof proof{Acceleration::tcg, "It was asked for."};
  std::string proof_refusal;

  GuestSight list() override {
    reach("list");
    GuestSight sight;
    for (const auto& [id, guest] : guests) sight.guests.push_back(guest);
    sight.leftovers.assign(leftovers.begin(), leftovers.end());
    return sight;
  }
  std::optional<Guest> find(const VmId& id) override {
    reach("find");
    const std::scoped_lock lock(mutex_);
    const auto found = guests.find(id);
    return found == guests.end() ? std::nullopt : std::optional(found->second);
  }
  Result<Guest> define_and_start(const GuestSpec& spec) override {
    TRY(note("start", spec.id));
    const std::scoped_lock lock(mutex_);
    guests.insert_or_assign(spec.id, Guest{.id = spec.id,
                                           .tenant = spec.tenant,
                                           .generation = spec.generation,
                                           .state = GuestState::running,
                                           .host_ports = {{40001, 22, "tcp"}}});
    return guests.at(spec.id);
  }
  Result<Guest> start(const VmId& id) override {
    TRY(note("start again", id));
    return guests.at(id);
  }
  Result<void> shut_down(const VmId& id) override {
    TRY(note("button", id));
    if (heeds_button) become(id, GuestState::stopped);
    return {};
  }
  Result<void> destroy(const VmId& id) override {
    TRY(note("destroy", id));
    become(id, GuestState::stopped);
    return {};
  }
  Result<void> reboot(const VmId& id) override { return note("reboot", id); }
  Result<void> reset(const VmId& id) override { return note("reset", id); }
  Result<void> remove(const VmId& id) override {
    TRY(note("remove", id));
    const std::scoped_lock lock(mutex_);
    guests.erase(id);
    leftovers.erase(id);
    return {};
  }
  Result<void> set_generation(const VmId& id, std::int64_t generation) override {
    TRY(note("note", id));
    guests.at(id).generation = generation;
    return {};
  }
  std::map<VmId, std::string> consoles;
  std::string console(const VmId& id) override { return consoles[id]; }
  NodeCapacity capacity() override { return {.ram_total = Mebibytes{4096}, .cores = VcpuCount{2}}; }
  Result<AccelerationProof> prove(AccelerationWish) override {
    reach("prove");
    if (!proof_refusal.empty()) return refuse(Code::unavailable, "acceleration", proof_refusal);
    return proof;
  }
  bool is_alive() override { return away.empty(); }

  /// What was done since the last time it was asked.
  std::vector<std::string> take_verbs() { return std::exchange(verbs, {}); }
  void become(const VmId& id, GuestState state, const std::string& reason = "") {
    const std::scoped_lock lock(mutex_);
    guests.at(id).state = state;
    guests.at(id).reason = reason;
    if (state != GuestState::running) guests.at(id).host_ports.clear();
  }

 private:
  void reach(const std::string& verb) const {
    if (away == "broken") throw std::logic_error("what nobody foresaw");
    if (away == verb || away == "all") throw HypervisorAway("libvirtd does not answer");
  }
  Result<void> note(const std::string& verb, const VmId& id) {
    reach(verb);
    if (const auto happens = std::exchange(meanwhile, nullptr)) happens();
    const std::scoped_lock lock(mutex_);
    verbs.push_back(verb + " " + std::to_string(id.bytes()[15]));
    const auto refusal = refusals.find(verb);
    if (refusal != refusals.end()) return refuse(Code::unavailable, "guest", refusal->second);
    return {};
  }

  std::mutex mutex_;
};

/// Writes down what it is told. Its members are for one thread; the calls are for several.
class ScriptedControlPlane final : public ControlPlane {
 public:
  NodeWishes wished;
  std::string away;                                     ///< Why it cannot be asked; empty: it can.
  std::function<bool(const GuestReport&)> disbelieves;  ///< Of which reports.
  std::optional<Refusal> refusal;                       ///< What every call is refused with.
  std::vector<std::vector<VmId>> heartbeats;            ///< The guests that each named.
  std::vector<std::optional<std::int64_t>> asked_after;
  std::vector<GuestReport> reports;
  std::vector<NodeFacts> facts;
  int renewals = 0;

  Result<void> heartbeat(const NodeFacts& told, const std::vector<VmId>& guests) override {
    TRY(reach());
    const std::scoped_lock lock(mutex_);
    facts.push_back(told);
    heartbeats.push_back(guests);
    return {};
  }
  Result<NodeWishes> wishes(std::optional<std::int64_t> after, std::chrono::seconds) override {
    TRY(reach());
    const std::scoped_lock lock(mutex_);
    asked_after.push_back(after);
    return wished;
  }
  Result<std::vector<DisbelievedReport>> report(const std::vector<GuestReport>& told) override {
    TRY(reach());
    const std::scoped_lock lock(mutex_);
    std::vector<DisbelievedReport> disbelieved;
    for (const GuestReport& each : told) {
      if (disbelieves && disbelieves(each))
        disbelieved.push_back({.vm = each.vm, .detail = "Of the VM no such generation was wished."});
      else
        reports.push_back(each);
    }
    return disbelieved;
  }
  std::vector<std::string> consoles;  ///< As they were shown.
  Result<void> show_console(const VmId&, const std::string& bytes) override {
    TRY(reach());
    const std::scoped_lock lock(mutex_);
    consoles.push_back(bytes);
    return {};
  }
  Result<bool> renew_if_due() override {
    TRY(reach());
    const std::scoped_lock lock(mutex_);
    ++renewals;
    return false;
  }
  void interrupt() override { is_interrupted_ = true; }

  std::vector<GuestReport> take_reports() { return std::exchange(reports, {}); }

 private:
  Result<void> reach() const {
    if (is_interrupted_) throw ControlPlaneAway("interrupted");
    if (!away.empty()) throw ControlPlaneAway(away);
    if (refusal) return std::unexpected(*refusal);
    return {};
  }

  std::mutex mutex_;
  std::atomic<bool> is_interrupted_ = false;
};

}  // namespace cadastre

#include "service/rate_leases.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/invariant.h"

namespace cadastre {

RateLeases::RateLeases(RateBudgets& budgets, const Clock& clock, RateLeasesSettings settings)
    : budgets_(budgets), clock_(clock), settings_(settings) {}

RateLeases::~RateLeases() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void RateLeases::start(std::function<void(const std::string&)> failed) {
  failed_ = std::move(failed);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void RateLeases::run(const std::stop_token& stop) {
  for (Tick next_look = clock_.tick(); !stop.stop_requested();) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, next_look - clock_.tick(), [this] { return is_asked_; });
      is_asked_ = false;
    }
    if (clock_.tick() < next_look) {
      serve_waiting();
    } else {
      next_look = clock_.tick() + settings_.interval;
      look();
    }
  }
}

void RateLeases::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  while (serve_waiting()) continue;
  send_each(
      {live_.begin(), live_.end()}, [](const Gate&, RateLease& lease, Tick now) { return lease.give_back(now); },
      [] {});
}

void RateLeases::wait(std::shared_ptr<TenantGate> gate, Decided decided) {
  const std::scoped_lock lock(mutex_);
  waiting_[std::move(gate)].push_back(std::move(decided));
  ++figures_.waited;
  is_asked_ = true;
  wake_.notify_one();
}

/// Asks for all that wait and decides them. True when requests wait still or again.
bool RateLeases::serve_waiting() {
  if (!decide_waiting()) return false;
  std::unordered_map<Gate, std::int64_t> numbers;
  std::vector<Gate> gates;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [gate, calls] : waiting_) numbers[gate] = static_cast<std::int64_t>(calls.size());
  }
  for (const auto& [gate, number] : numbers) gates.push_back(gate);
  live_.insert(gates.begin(), gates.end());
  const bool is_sent = send_each(
      gates, [&](const Gate& gate, RateLease& lease, Tick now) { return lease.ask(now, numbers[gate]); }, [] {});
  if (!is_sent) fail_waiting();
  const bool some_wait = decide_waiting();
  const std::scoped_lock lock(mutex_);
  is_asked_ = is_asked_ || some_wait;
  return some_wait;
}

void RateLeases::look() {
  serve_waiting();
  // Between two messages, so that the number of tenants delays nobody who waits.
  send_each(
      {live_.begin(), live_.end()}, [](const Gate&, RateLease& lease, Tick now) { return lease.ask(now, 0); },
      [this] { serve_waiting(); });
  const Tick now = clock_.tick();
  std::erase_if(live_, [&](const Gate& gate) {
    return gate->rate().with_lease([&](RateLease& lease, std::int64_t) { return lease.is_idle(now); });
  });
  const std::scoped_lock lock(mutex_);
  figures_.tenants = live_.size();
}

/// Sends what the gates have to ask, so many in a message. False when the store could not be asked; then the gates that
/// were left have not been looked at.
bool RateLeases::send_each(const std::vector<Gate>& gates, const AskOf& ask_of,
                           const std::function<void()>& after_each) {
  for (auto next = gates.begin(); next != gates.end();) {
    if (clock_.tick() < not_before_) return false;
    Message message{.wants = {}, .gates = {}, .asked = clock_.tick()};
    for (; next != gates.end() && message.wants.size() < settings_.batch_max; ++next) {
      const Gate& gate = *next;
      auto ask =
          gate->rate().with_lease([&](RateLease& lease, std::int64_t) { return ask_of(gate, lease, message.asked); });
      if (!ask) continue;
      message.wants.push_back({gate->id(), *std::move(ask), gate->rate().limit()});
      message.gates.push_back(gate);
    }
    if (message.wants.empty()) return true;
    if (!send(message)) return false;
    after_each();
  }
  return true;
}

/// Until the store may be asked again, nobody waits for it.
void RateLeases::fail_waiting() {
  const Tick now = clock_.tick();
  const std::scoped_lock lock(mutex_);
  for (const auto& [gate, calls] : waiting_)
    gate->rate().with_lease([&](RateLease& lease, std::int64_t) { lease.fail(now); });
}

/// False when the store could not be asked.
bool RateLeases::send(const Message& message) {
  std::vector<RateGrant> grants;
  try {
    grants = budgets_.lease(message.wants);
    CHECK_INVARIANT(grants.size() == message.wants.size());
    is_failing_ = false;
  } catch (const std::exception& failure) {  // the top of this thread, as `main` is of the other
    not_before_ = clock_.tick() + settings_.pause_after_failure;
    if (!std::exchange(is_failing_, true)) failed_(failure.what());
  }
  const Tick now = clock_.tick();
  for (std::size_t i = 0; i < message.gates.size(); ++i) {
    message.gates[i]->rate().with_lease([&](RateLease& lease, std::int64_t) {
      if (grants.empty())
        lease.fail(now);
      else
        lease.receive(grants[i], message.asked, now);
    });
  }
  const std::scoped_lock lock(mutex_);
  ++figures_.messages;
  figures_.wants += message.wants.size();
  figures_.failures += grants.empty() ? 1 : 0;
  return !grants.empty();
}

/// Decides what can be decided, in the order of arrival. True when requests still wait.
bool RateLeases::decide_waiting() {
  const Tick now = clock_.tick();
  std::vector<std::pair<Decided, RateDecision>> decided;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [gate, calls] : waiting_) {
      gate->rate().with_lease([&, &waiting = calls](RateLease& lease, std::int64_t limit) {
        auto next = waiting.begin();
        for (; next != waiting.end(); ++next) {
          const auto decision = lease.decide(now, limit);
          if (!decision) break;
          decided.emplace_back(std::move(*next), *decision);
        }
        waiting.erase(waiting.begin(), next);
      });
    }
    std::erase_if(waiting_, [](const auto& entry) { return entry.second.empty(); });
  }
  for (const auto& [call, decision] : decided) call(decision);
  const std::scoped_lock lock(mutex_);
  return !waiting_.empty();
}

RateLeasesFigures RateLeases::figures() const {
  const std::scoped_lock lock(mutex_);
  return figures_;
}

}  // namespace cadastre

// Keeps this replica's slices of the tenants' rates up: asks ahead of need, and gives back at the end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/time.h"
#include "service/rate_port.h"
#include "service/tenant_gates.h"

namespace cadastre {

struct RateLeasesSettings {
  std::chrono::milliseconds interval{250};  ///< Between two looks at who will need more.
  std::size_t batch_max = 512;              ///< Tenants in one message to the store.
  std::chrono::milliseconds pause_after_failure{500};
};

/// Figures for metrics; all but the first since the start.
struct RateLeasesFigures {
  std::uint64_t tenants = 0;   ///< That hold a slice or ask for one now.
  std::uint64_t waited = 0;    ///< Requests that had to wait for the store.
  std::uint64_t messages = 0;  ///< To the store, each for many tenants.
  std::uint64_t wants = 0;     ///< Tenants in them.
  std::uint64_t failures = 0;  ///< Messages that failed.
};

/// One thread looks after the slices of all tenants that called lately, many in one message to the store. A request
/// that finds no slice waits for the next message, which is sent at once; if the store cannot be asked its decision is
/// `unknown`, and so is everybody's for half a second.
class RateLeases {
 public:
  /// Called once, on this object's thread or on the one that calls `stop`. Must be quick and must not throw.
  using Decided = std::function<void(const RateDecision&)>;

  /// `clock` may be read from several threads.
  RateLeases(RateBudgets& budgets, const Clock& clock, RateLeasesSettings settings = {});
  RateLeases(const RateLeases&) = delete;
  RateLeases& operator=(const RateLeases&) = delete;
  ~RateLeases();

  /// `failed` is told of the first failure in a row.
  void start(std::function<void(const std::string&)> failed);
  /// Ends that thread, gives back all slices, and decides what still waits. To be called when no more requests come.
  void stop();

  /// Has a request decided for which `TenantGate::admit` knew nothing. From any thread.
  void wait(std::shared_ptr<TenantGate> gate, Decided decided);

  /// One look at all tenants, with the messages that are due.
  void look();
  RateLeasesFigures figures() const;

 private:
  using Gate = std::shared_ptr<TenantGate>;
  struct Message {
    std::vector<RateWant> wants;
    std::vector<Gate> gates;
    Tick asked;
  };

  using AskOf = std::function<std::optional<RateAsk>(const Gate&, RateLease&, Tick now)>;

  void run(const std::stop_token& stop);
  bool serve_waiting();
  bool decide_waiting();
  void fail_waiting();
  bool send_each(const std::vector<Gate>& gates, const AskOf& ask_of, const std::function<void()>& after_each);
  bool send(const Message& message);

  RateBudgets& budgets_;
  const Clock& clock_;
  const RateLeasesSettings settings_;
  std::function<void(const std::string&)> failed_ = [](const std::string&) {};
  std::unordered_set<Gate> live_;  // used by the looking thread alone, as is the next
  bool is_failing_ = false;
  Tick not_before_ = Tick::min();  // the store failed: not asked again sooner

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any wake_;
  bool is_asked_ = false;
  std::unordered_map<Gate, std::vector<Decided>> waiting_;
  RateLeasesFigures figures_;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace cadastre

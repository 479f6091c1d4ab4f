// Reads that wait for news (long polling): asked again when their tenant has changed, answered when their time is over.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/time.h"
#include "service/tenant_gates.h"

namespace cadastre::http {

/// Holds what waits and wakes it in time. A change of this process is noticed within a tenth of a second; where others
/// share the store and not all they do is told, what waits is also asked again once a second.
class WaitingReads {
 public:
  /// The clock outlives it. `hears_all`: the store tells of every change (`Store::feed_is_exact`).
  WaitingReads(const Clock& clock, bool hears_all);
  /// Wakes all that waits.
  ~WaitingReads();
  WaitingReads(const WaitingReads&) = delete;
  WaitingReads& operator=(const WaitingReads&) = delete;

  /// Calls `wake` once, on a thread of its own: when the gate's revision is not `seen` any more, or at `deadline`, or
  /// when all is to end. It must be quick and must not throw.
  void wait(std::shared_ptr<TenantGate> gate, std::int64_t seen, Tick deadline, std::function<void()> wake);
  /// From now on nothing waits: what does is woken, and what comes is woken at once.
  void end();
  bool is_ended() const;

 private:
  struct Waiting {
    std::shared_ptr<TenantGate> gate;
    std::int64_t seen = 0;
    Tick until;  ///< When it is woken at the latest.
    std::function<void()> wake;
  };

  void run(const std::stop_token& stop);
  std::vector<Waiting> take_due(Tick now);

  const Clock& clock_;
  const bool hears_all_;
  mutable std::mutex mutex_;  // guards the two below
  std::vector<Waiting> waiting_;
  bool is_ended_ = false;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace cadastre::http

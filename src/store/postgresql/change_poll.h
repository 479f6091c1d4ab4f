// What other processes changed: told by the database at once where it can, and asked for several times a second.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "store/postgresql/session.h"

namespace cadastre::postgresql {

/// Follows the table `change_feed`, which holds what changed within the last minute. A process that could not ask for
/// longer than that may have missed something, and says so. Since it asks all the time, it is also the one who finds
/// that the database is silent, and that it answers again (reachability.h).
class ChangePoll {
 public:
  struct Reports {
    std::function<void(const Tenant&)> changed;
    std::function<void()> missed;
  };
  /// Leaves out what `writer` itself changed.
  ChangePoll(std::shared_ptr<Target> target, const Bytes<16>& writer, Reports reports);
  ~ChangePoll();

  /// How old the news are at most: the time since the last question that was answered was asked.
  std::chrono::milliseconds age() const;
  /// From now on tells of the process's own changes, too: it does not know all of them.
  void report_own() { reports_own_.store(true, std::memory_order_release); }
  void stop();

 private:
  void run();
  void ask(Connection& connection);
  void listen(Connection& connection);
  void forget_old(Connection& connection);
  bool is_stopping() const { return stopping_.load(std::memory_order_acquire); }

  const std::shared_ptr<Target> target_;
  Session session_;
  const Bytes<16> writer_;
  const Reports reports_;
  const SystemClock clock_;
  std::unordered_map<std::string, std::int64_t> known_;  // revisions told, of what the table holds
  const Connection* listening_ = nullptr;                // the connection that listens, if it can
  Tick forgotten_at_;
  std::atomic<std::int64_t> asked_at_ms_;  // the tick of the last question that was answered
  std::atomic<bool> stopping_{false};
  std::atomic<bool> reports_own_{false};
  int wake_;  // eventfd(2)
  std::once_flag joined_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace cadastre::postgresql

// Connections that heal: made when they are needed, given up when they are lost, tried again after a pause.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "store/postgresql/connection.h"

namespace cadastre::postgresql {

/// Whether the database could be reached when that was last tried, by whichever thread. While it could not, one thread
/// at a time tries again, at first soon, then ever more seldom, each process at its own moments; the others are told no
/// at once. Safe to use from several threads.
class Reachability {
 public:
  /// Nothing when the caller may try now, else why it may not.
  std::optional<std::string> refusal();
  void note_success();
  void note_failure(const std::string& reason);

 private:
  const SystemClock clock_;
  std::mutex mutex_;
  std::chrono::milliseconds pause_{0};  // 0: it can be reached
  Tick next_try_;
  std::string reason_;
};

/// Where the sessions of one store lead.
struct Target {
  explicit Target(std::string place) : url(std::move(place)) {}
  const std::string url;
  Reachability reachability;
};

/// One connection of one thread.
class Session {
 public:
  explicit Session(std::shared_ptr<Target> target) : target_(std::move(target)) {}

  /// The connection. Throws Failure while there is none.
  Connection& connection();
  /// Gives the connection up, so that the next call makes a new one.
  void drop() { connection_.reset(); }

 private:
  std::shared_ptr<Target> target_;
  std::optional<Connection> connection_;
};

/// Sessions that nobody uses now, kept for the next who needs one. Safe to use from several threads.
class SessionPool {
 public:
  explicit SessionPool(std::shared_ptr<Target> target) : target_(std::move(target)) {}
  std::unique_ptr<Session> take();
  void give_back(std::unique_ptr<Session> session);

 private:
  const std::shared_ptr<Target> target_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;
};

}  // namespace cadastre::postgresql

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

/// Of one whose caller must not wait long. That a statement takes long is no sign of a silent database: the watch hears
/// of that sooner.
constexpr Patience patience_of_requests{std::chrono::seconds(5), patience_of_writers.in_transaction};

/// Where the sessions of one store lead.
struct Target {
  explicit Target(std::string place) : url(std::move(place)) {}
  const std::string url;
  Reachability reachability;
};

/// One connection of one thread.
class Session {
 public:
  explicit Session(std::shared_ptr<Target> target, const Patience& patience = patience_of_writers,
                   Reachability::Asker asker = Reachability::Asker::anyone)
      : target_(std::move(target)), patience_(patience), asker_(asker) {}

  /// The connection. Throws Failure while there is none, or the database is silent.
  Connection& connection();
  /// Gives the connection up, so that the next call makes a new one.
  void drop() { connection_.reset(); }

 private:
  void connect();

  std::shared_ptr<Target> target_;
  Patience patience_;
  Reachability::Asker asker_;
  SystemClock clock_;
  std::optional<Connection> connection_;
};

/// Sessions that nobody uses now, kept for the next who needs one: as many as were ever used at once, which is as many
/// as there are threads. Safe to use from several threads.
class SessionPool {
 public:
  SessionPool(std::shared_ptr<Target> target, const Patience& patience)
      : target_(std::move(target)), patience_(patience) {}
  std::unique_ptr<Session> take();
  void give_back(std::unique_ptr<Session> session);

 private:
  const std::shared_ptr<Target> target_;
  const Patience patience_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;
};

}  // namespace cadastre::postgresql

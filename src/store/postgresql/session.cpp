#include "store/postgresql/session.h"

namespace cadastre::postgresql {
namespace {

constexpr std::chrono::milliseconds slow_try{1'000};  // a refusal comes sooner

}  // namespace

Connection& Session::connection() {
  Reachability& reachability = target_->reachability;
  const bool is_open = connection_ && connection_->is_open();
  if (!is_open || reachability.is_silent()) {
    if (const auto reason = reachability.refusal(asker_)) throw Failure(Trouble::connection, *reason);
  }
  if (is_open) return *connection_;
  connect();
  return *connection_;
}

/// A connection that is ended while it is being made says nothing of the database, so that it is made once more before
/// anybody is refused for it.
void Session::connect() {
  Reachability& reachability = target_->reachability;
  for (bool is_second = false;; is_second = true) {
    connection_.reset();
    const Tick began = clock_.tick();
    try {
      connection_.emplace(target_->url, patience_, &reachability, asker_);
      return reachability.note_success();
    } catch (const Failure& failure) {
      if (clock_.tick() - began >= slow_try) {
        reachability.note_silence(asker_, failure.what());
        throw;
      }
      if (!is_second) continue;
      reachability.note_failure(failure.what());
      throw;
    }
  }
}

std::unique_ptr<Session> SessionPool::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Session>(target_, patience_);
  auto session = std::move(idle_.back());
  idle_.pop_back();
  return session;
}

void SessionPool::give_back(std::unique_ptr<Session> session) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(session));
}

}  // namespace cadastre::postgresql

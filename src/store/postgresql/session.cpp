#include "store/postgresql/session.h"

#include <algorithm>

namespace cadastre::postgresql {
namespace {

constexpr std::chrono::milliseconds first_pause{50};
constexpr std::chrono::milliseconds longest_pause{2'000};
constexpr std::chrono::milliseconds one_try{5'000};  // longer than a connection waits for an answer
constexpr std::size_t idle_max = 8;

/// Half of it at least, and otherwise by chance, so that many processes do not come back in one moment.
std::chrono::milliseconds jittered(std::chrono::milliseconds pause) {
  Bytes<4> chance{};
  SystemRandom().fill(chance);
  const unsigned share = chance[0] | static_cast<unsigned>(chance[1]) << 8;
  return pause / 2 + pause * share / (2 * 65'536);
}

}  // namespace

std::optional<std::string> Reachability::refusal() {
  const std::lock_guard lock(mutex_);
  if (pause_ == pause_.zero()) return std::nullopt;
  if (clock_.tick() < next_try_) return reason_;
  next_try_ = clock_.tick() + one_try;
  return std::nullopt;
}

void Reachability::note_success() {
  const std::lock_guard lock(mutex_);
  pause_ = {};
}

void Reachability::note_failure(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  pause_ = std::clamp(2 * pause_, first_pause, longest_pause);
  next_try_ = clock_.tick() + jittered(pause_);
  reason_ = reason;
}

Connection& Session::connection() {
  if (connection_ && connection_->is_open()) return *connection_;
  connection_.reset();
  Reachability& reachability = target_->reachability;
  if (const auto reason = reachability.refusal()) throw Failure(Trouble::connection, *reason);
  try {
    connection_.emplace(target_->url);
    reachability.note_success();
  } catch (const Failure& failure) {
    reachability.note_failure(failure.what());
    throw;
  }
  return *connection_;
}

std::unique_ptr<Session> SessionPool::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Session>(target_);
  auto session = std::move(idle_.back());
  idle_.pop_back();
  return session;
}

void SessionPool::give_back(std::unique_ptr<Session> session) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < idle_max) idle_.push_back(std::move(session));
}

}  // namespace cadastre::postgresql

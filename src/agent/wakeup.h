// Lets one thread wait until another has something for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace cadastre {

/// Remembers that it was rung until somebody waits. One thread waits, any may ring.
class Wakeup {
 public:
  void ring() {
    const std::scoped_lock lock(mutex_);
    is_rung_ = true;
    rung_.notify_all();
  }
  /// Returns when it is rung or was since the last time, when the time has passed, or when it is to stop.
  void wait(const std::stop_token& stop, std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    rung_.wait_for(lock, stop, at_most, [this] { return is_rung_; });
    is_rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any rung_;
  bool is_rung_ = false;
};

}  // namespace cadastre

// A lock for what is kept once for each tenant.
#pragma once

#include <atomic>
#include <thread>

namespace cadastre {

/// One byte where std::mutex has 40. For a few instructions without a system call in them: who finds it taken gives the
/// processor to others and tries again.
class SmallLock {
 public:
  void lock() {
    while (taken_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() { taken_.clear(std::memory_order_release); }

 private:
  std::atomic_flag taken_;
};

}  // namespace cadastre

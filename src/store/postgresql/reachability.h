// Whether the database answers, as all threads of a process know it together.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include "base/time.h"

namespace cadastre::postgresql {

/// Whether the database could be reached when that was last tried, by whichever thread. While it could not, one thread
/// at a time tries again, at first soon, then ever more seldom, each process at its own moments; the others are told no
/// at once. Safe to use from several threads.
///
/// A database that is silent costs whoever tries the whole of his patience. Where one thread watches, it alone tries
/// then, and what it hears holds for all.
class Reachability {
 public:
  enum class Asker { anyone, watch };

  /// Nothing when the caller may try now, else why it may not.
  std::optional<std::string> refusal(Asker asker);
  void note_success();
  void note_failure(const std::string& reason);
  /// The database took longer than the caller's patience. When another thread watches, that is only the caller's own.
  void note_silence(Asker asker, const std::string& reason);
  /// The database did not answer in time, and has not answered since.
  bool is_silent() const { return is_silent_.load(std::memory_order_acquire); }
  /// True when a caller that waits for an answer should not go on, since the watch waited in vain.
  bool is_given_up(Asker asker) const { return asker == Asker::anyone && is_watched_ && is_silent(); }

  /// From now on, or no longer, one thread asks the database all the time as `Asker::watch`.
  void watch(bool is_watched) { is_watched_ = is_watched; }

 private:
  void put_off(const std::string& reason, std::chrono::milliseconds pause);

  const SystemClock clock_;
  std::mutex mutex_;
  std::chrono::milliseconds pause_{0};  // 0: it can be reached
  Tick next_try_;
  std::string reason_;
  std::atomic<bool> is_silent_{false};
  std::atomic<bool> is_watched_{false};
};

}  // namespace cadastre::postgresql

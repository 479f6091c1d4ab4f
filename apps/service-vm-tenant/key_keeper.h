// Keeps what a process knows of the issuer keys fresh, and rotates them when their time has come.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "signing_key_commands.h"

namespace cadastre {

/// Reads the register twice a second, so that a key revoked anywhere is refused here within one. Once a minute it looks
/// whether age asks for a rotation (`period` 0: never), and deletes the files of keys that nobody needs any more.
class KeyKeeper {
 public:
  KeyKeeper(const KeyDesk& desk, std::chrono::days period);
  KeyKeeper(const KeyKeeper&) = delete;
  KeyKeeper& operator=(const KeyKeeper&) = delete;

 private:
  void run(const std::stop_token& stop);
  /// Never throws what the register can: the log says it, and the next turn tries again.
  void take_turn(Reader& reader, bool looks_at_age);
  void rotate_by_age(Reader& reader);

  const KeyDesk desk_;
  const std::chrono::days period_;
  bool has_failed_ = false;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace cadastre

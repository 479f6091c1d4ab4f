// The public keys that this process has found fit for use (TOKENS.md section 6), so that each is examined once.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/small_lock.h"
#include "crypto/ed25519.h"

namespace cadastre {

/// Remembers which keys passed admission, which costs almost as much as verifying a signature. It holds a bounded
/// number and forgets older keys for newer ones; it never changes an answer. Safe to call from several threads.
class AdmittedKeys {
 public:
  /// `keys_max` is how many it can hold, 32 bytes each, all of them taken at once.
  explicit AdmittedKeys(std::size_t keys_max = 256);

  /// Whether `is_admissible(key)`. There is no other way in: what is remembered was examined here.
  bool admits(const PublicKey& key);

 private:
  /// Keys that share a place, the newest first; all zero, which is no admissible key, where there is none yet.
  using Set = std::array<PublicKey, 4>;
  struct alignas(64) Lock : SmallLock {};  // each on a cache line of its own

  std::vector<Set> sets_;         // each guarded by the lock of its number
  std::array<Lock, 32> locks_{};  // so many that threads rarely meet
};

}  // namespace cadastre

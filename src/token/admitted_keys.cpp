#include "token/admitted_keys.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>

namespace cadastre {

AdmittedKeys::AdmittedKeys(std::size_t keys_max) : sets_(std::max<std::size_t>(1, keys_max / Set().size())) {}

bool AdmittedKeys::admits(const PublicKey& key) {
  std::uint32_t first_bytes = 0;
  std::memcpy(&first_bytes, key.data(), sizeof first_bytes);
  const std::size_t number = first_bytes % sets_.size();
  Set& set = sets_[number];
  Lock& lock = locks_[number % locks_.size()];
  {
    const std::scoped_lock held(lock);
    if (key != PublicKey{} && std::ranges::find(set, key) != set.end()) return true;
  }
  if (!is_admissible(key)) return false;  // without the lock: it takes some 40 us
  const std::scoped_lock held(lock);
  if (std::ranges::find(set, key) != set.end()) return true;
  std::shift_right(set.begin(), set.end(), 1);
  set.front() = key;
  return true;
}

}  // namespace cadastre

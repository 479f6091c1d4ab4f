// Idempotency-Keys whose first request is being worked on (DESIGN.md section 4.2).
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <utility>

#include "crypto/sha256.h"

namespace cadastre::http {

/// Of this process: where replicas share a store, its rows decide. Safe to call from several threads.
class KeysInFlight {
 public:
  /// Keeps others from the key as long as it lives. Does not outlive the KeysInFlight.
  class Hold {
   public:
    Hold(Hold&& other) noexcept : keys_(std::exchange(other.keys_, nullptr)), key_(other.key_) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (keys_ != nullptr) keys_->release(key_);
    }

   private:
    friend class KeysInFlight;
    Hold(KeysInFlight& keys, const Digest& key) : keys_(&keys), key_(key) {}
    KeysInFlight* keys_;
    Digest key_;
  };

  /// Nothing when somebody holds the key already.
  std::optional<Hold> take(const Digest& key) {
    Shard& shard = shard_of(key);
    const std::scoped_lock lock(shard.mutex);
    if (!shard.keys.insert(key).second) return std::nullopt;
    return Hold(*this, key);
  }

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_set<Digest, DigestHash> keys;
  };

  Shard& shard_of(const Digest& key) { return shards_[key.back() % shards_.size()]; }
  void release(const Digest& key) {
    Shard& shard = shard_of(key);
    const std::scoped_lock lock(shard.mutex);
    shard.keys.erase(key);
  }

  std::array<Shard, 16> shards_;
};

}  // namespace cadastre::http

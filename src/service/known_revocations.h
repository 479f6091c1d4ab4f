// What a process knows of a namespace's revocations, so that a token of which none of them speaks costs no question.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "service/ports.h"

namespace cadastre {

/// How many revocations may still be known, over all namespaces of a process. Thread-safe.
class RevocationRoom {
 public:
  static constexpr std::int64_t revocations_max = 1 << 22;  // 32 MiB, and at most as much again while vectors grow

  explicit RevocationRoom(std::int64_t revocations = revocations_max) : left_(revocations) {}
  bool has(std::int64_t count) const { return left_.load(std::memory_order_relaxed) >= count; }
  void take(std::int64_t count) { left_.fetch_sub(count, std::memory_order_relaxed); }
  void give_back(std::int64_t count) { left_.fetch_add(count, std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> left_;
};

/// The revocations of one namespace by 8 of the 32 bytes of each: enough to say of an id that it is none of them, never
/// that it is one. Learned from the store when somebody asks, the new ones only. Thread-safe.
class KnownRevocations {
 public:
  static constexpr std::int64_t revocations_max = 1 << 20;  // of one namespace: 8 MiB
  static constexpr std::size_t learned_at_once = 1000;      // what one request may have to wait for

  explicit KnownRevocations(std::shared_ptr<RevocationRoom> room) : room_(std::move(room)) {}
  ~KnownRevocations() { forget(); }
  KnownRevocations(const KnownRevocations&) = delete;
  KnownRevocations& operator=(const KnownRevocations&) = delete;

  /// True only when none of the ids is among the first `recorded` revocations of the namespace, of whatever kind. False
  /// says nothing: ask the store. It is false when an id resembles a revoked one, when there is no room for as many,
  /// and until they are all learned, a page for each call that asks the store.
  ///
  /// This is exact, because the store numbers a namespace's revocations, counts them in the namespace's row in the same
  /// transaction, and lets nobody else do so before it is committed. So whoever knows of a row that counts `recorded`
  /// sees that many rows, and what a reader is told of those above the number `n` are at least the next ones: after
  /// `n` and `k` rows above it all with a number up to `n + k` are known, though numbers should be missing. Of a
  /// namespace nothing is ever un-revoked, so what is known stays true.
  bool rule_out(const TenantId& tenant, std::int64_t recorded, std::initializer_list<std::span<const Bytes<32>>> ids,
                Reader& reader);

 private:
  /// Asks for those above what is known; false when `recorded` are still not known.
  bool learn(const TenantId& tenant, std::int64_t recorded, Reader& reader);
  void forget();

  const std::shared_ptr<RevocationRoom> room_;
  std::atomic<std::int64_t> known_{0};  // all with a number up to this are in `marks_`
  std::mutex mutex_;                    // guards what follows; never held while the store is asked
  std::vector<std::uint64_t> marks_;    // ascending
};

}  // namespace cadastre

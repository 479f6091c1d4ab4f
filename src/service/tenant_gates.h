// What a request is checked against before it reaches the store: each active tenant's state, kept in memory.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/small_lock.h"
#include "domain/rate_lease.h"
#include "domain/rate_window.h"
#include "service/known_revocations.h"
#include "service/ports.h"

namespace cadastre {

/// What a tenant's ledger sums up a minute: refusals of what its own tokens asked for (DESIGN.md section 5).
constexpr std::array counted_refusals{Code::insufficient_scope, Code::tenant_mismatch, Code::caveat_denied,
                                      Code::tenant_suspended,   Code::forbidden,       Code::quota_exceeded,
                                      Code::rate_limited};

/// Whether this process alone counts the tenants' requests, or replicas share their rates (decisions/0010).
enum class RateSharing : std::uint8_t { alone, shared };

/// One tenant's rate, counted over all threads. Allocates nothing: this is all the memory it takes.
class TenantRate {
 public:
  explicit TenantRate(std::int64_t limit, RateSharing sharing = RateSharing::alone);
  void set_limit(std::int64_t limit) { limit_.store(limit, std::memory_order_release); }
  std::int64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  /// Counts one request. Nothing when the rate is shared and the store has to be asked first.
  std::optional<RateDecision> admit(Tick now);
  /// Calls `use(RateLease&, limit)` under the lock. Requires a shared rate.
  template <class Use>
  auto with_lease(Use&& use) {
    CHECK_INVARIANT(sharing_ == RateSharing::shared);
    const std::scoped_lock lock(lock_);
    return use(lease_, limit());
  }
  Tick last_used() const { return Tick(std::chrono::milliseconds(last_used_ms_.load(std::memory_order_relaxed))); }

 private:
  std::atomic<std::int64_t> limit_;
  std::atomic<std::int64_t> last_used_ms_{0};
  SmallLock lock_;  // guards the window or lease alone
  const RateSharing sharing_;
  union {
    RateWindow window_;  // alone
    RateLease lease_;    // shared
  };
};
static_assert(sizeof(TenantRate) <= 512);  // for each active tenant

/// One active tenant. The state follows the store's feed, so it is never older than the last answered change.
class TenantGate {
 public:
  explicit TenantGate(const Tenant& tenant, RateSharing sharing = RateSharing::alone,
                      std::shared_ptr<RevocationRoom> room = std::make_shared<RevocationRoom>());

  /// Takes the row's state over unless a newer one is known.
  void apply(const Tenant& tenant);
  /// The state may be older than an answered change of another process, until the row was read again.
  bool is_in_doubt() const {
    return doubts_.load(std::memory_order_acquire) != settled_.load(std::memory_order_acquire);
  }
  std::uint64_t doubts() const { return doubts_.load(std::memory_order_acquire); }
  void doubt() { doubts_.fetch_add(1, std::memory_order_acq_rel); }
  /// A row read after so many doubts was applied.
  void settle(std::uint64_t doubts) { settled_.store(doubts, std::memory_order_release); }
  /// Counts one request against the tenant's rate, over all threads. Nothing when the rate is shared and the store has
  /// to be asked first: `RateLeases::wait`.
  std::optional<RateDecision> admit(Tick now) { return rate_.admit(now); }
  /// Counts one refused request of this tenant, for the ledger entry that sums them.
  void count_refusal(Code code);
  /// The refusals since the last call, by the place of their code in `counted_refusals`.
  using Refusals = std::array<std::uint32_t, counted_refusals.size()>;
  Refusals take_refusals();

  const TenantId& id() const { return id_; }
  std::int64_t revision() const { return revision_.load(std::memory_order_acquire); }
  std::int64_t generation() const { return generation_.load(std::memory_order_acquire); }
  /// And whatever else can end a token: `endings`.
  std::int64_t revocations() const { return revocations_.load(std::memory_order_acquire); }
  TenantState state() const { return state_.load(std::memory_order_acquire); }
  /// True only when nothing of that name was revoked in the namespace, as far as the gate has heard; false says nothing
  /// (`KnownRevocations`). Whoever saw a count of `revocations` hears of at least as many.
  bool rules_out(std::initializer_list<std::span<const Bytes<32>>> ids, Reader& reader) {
    return known_.rule_out(id_, recorded_.load(std::memory_order_acquire), ids, reader);
  }
  Tick last_used() const { return rate_.last_used(); }
  TenantRate& rate() { return rate_; }

 private:
  const TenantId id_;
  std::atomic<std::int64_t> revision_, generation_, recorded_, revocations_;
  std::atomic<TenantState> state_;
  std::atomic<std::uint64_t> doubts_{0}, settled_{0};
  std::array<std::atomic<std::uint32_t>, counted_refusals.size()> refusals_{};
  TenantRate rate_;
  KnownRevocations known_;
};

/// The gates of all active tenants. Safe to call from several threads; a gate is shared with the caches that found it.
class TenantGates final : public ChangeFeed {
 public:
  /// `platform_limit` is the rate of all platform administrators together, per 60 s.
  explicit TenantGates(std::int64_t platform_limit, RateSharing sharing = RateSharing::alone)
      : platform_limit_(platform_limit), sharing_(sharing) {}

  /// The tenant's gate, loaded through `reader` when it is not in memory; nothing for an unknown or deleted tenant.
  std::shared_ptr<TenantGate> find(const TenantId& tenant, Reader& reader);
  /// Reads the tenant's row again, so that the gate's state is not older than this call.
  void refresh(TenantGate& gate, Reader& reader);
  /// Forgets gates that nobody holds and nobody used for longer than the rate's window.
  void sweep(Tick now);
  /// Calls `visit` with each gate in memory, without holding a lock meanwhile.
  void each(const std::function<void(TenantGate&)>& visit);

  void tenant_changed(const Tenant& tenant) override;
  /// Puts every gate in doubt.
  void missed() override;

 private:
  struct Hash {
    std::size_t operator()(const TenantId& tenant) const { return std::hash<std::string>()(tenant.text()); }
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<TenantId, std::shared_ptr<TenantGate>, Hash> gates;
  };
  Shard& shard(const TenantId& tenant) { return shards_[Hash()(tenant) % shards_.size()]; }
  Tenant with_limit(Tenant tenant) const;

  const std::int64_t platform_limit_;
  const RateSharing sharing_;
  const std::shared_ptr<RevocationRoom> room_ = std::make_shared<RevocationRoom>();  // caches hold gates for longer
  std::array<Shard, 16> shards_;
};

}  // namespace cadastre

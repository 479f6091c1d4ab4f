#include "service/tenant_gates.h"

#include <algorithm>
#include <memory>
#include <type_traits>
#include <vector>

namespace cadastre {

TenantGate::TenantGate(const Tenant& tenant, RateSharing sharing, std::shared_ptr<RevocationRoom> room)
    : id_(tenant.id),
      revision_(tenant.revision),
      generation_(tenant.generation),
      recorded_(tenant.revocations),
      revocations_(endings(tenant)),
      state_(tenant.state),
      rate_(tenant.quota.api_rate.value, sharing),
      known_(std::move(room)) {}

void TenantGate::apply(const Tenant& tenant) {
  if (tenant.revision < revision()) return;
  generation_.store(tenant.generation, std::memory_order_release);
  recorded_.store(tenant.revocations, std::memory_order_release);
  revocations_.store(endings(tenant), std::memory_order_release);  // after what it counts
  rate_.set_limit(tenant.quota.api_rate.value);
  state_.store(tenant.state, std::memory_order_release);
  revision_.store(tenant.revision, std::memory_order_release);  // last: who sees it sees the rest
}

void TenantGate::count_refusal(Code code) {
  const auto place = std::ranges::find(counted_refusals, code);
  if (place == counted_refusals.end()) return;
  refusals_[static_cast<std::size_t>(place - counted_refusals.begin())].fetch_add(1, std::memory_order_relaxed);
}

TenantGate::Refusals TenantGate::take_refusals() {
  Refusals taken{};
  for (std::size_t i = 0; i < taken.size(); ++i) taken[i] = refusals_[i].exchange(0, std::memory_order_relaxed);
  return taken;
}

TenantRate::TenantRate(std::int64_t limit, RateSharing sharing) : limit_(limit), sharing_(sharing) {
  static_assert(std::is_trivially_destructible_v<RateWindow> && std::is_trivially_destructible_v<RateLease>);
  if (sharing == RateSharing::shared) {
    std::construct_at(&lease_);
  } else {
    std::construct_at(&window_);
  }
}

std::optional<RateDecision> TenantRate::admit(Tick now) {
  last_used_ms_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  const std::scoped_lock lock(lock_);
  if (sharing_ == RateSharing::shared) return lease_.admit(now, limit());
  return window_.admit(now, limit());
}

Tenant TenantGates::with_limit(Tenant tenant) const {
  if (tenant.id.is_platform()) tenant.quota.api_rate = RequestsPerMinute{platform_limit_};
  return tenant;
}

std::shared_ptr<TenantGate> TenantGates::find(const TenantId& tenant, Reader& reader) {
  Shard& own = shard(tenant);
  // Held while the row is read: a commit in between waits here with its news, so it cannot be missed.
  const std::scoped_lock lock(own.mutex);
  if (const auto found = own.gates.find(tenant); found != own.gates.end()) {
    return found->second->state() == TenantState::deleted ? nullptr : found->second;
  }
  const auto row = reader.tenant(tenant);
  if (!row || row->state == TenantState::deleted) return nullptr;
  auto gate = std::make_shared<TenantGate>(with_limit(*row), sharing_, room_);
  own.gates.emplace(tenant, gate);
  return gate;
}

void TenantGates::refresh(TenantGate& gate, Reader& reader) {
  const std::uint64_t doubts = gate.doubts();
  const auto row = reader.tenant(gate.id());
  if (!row) throw StoreFailure("a tenant that was there is gone");
  tenant_changed(*row);
  gate.settle(doubts);
}

void TenantGates::sweep(Tick now) {
  constexpr std::chrono::seconds idle_min{61};  // longer than the rate's window, so that forgetting forgives nothing
  for (Shard& each : shards_) {
    const std::scoped_lock lock(each.mutex);
    std::erase_if(each.gates, [&](const auto& entry) {
      return entry.second.use_count() == 1 && entry.second->last_used() + idle_min < now;
    });
  }
}

void TenantGates::each(const std::function<void(TenantGate&)>& visit) {
  for (Shard& own : shards_) {
    std::vector<std::shared_ptr<TenantGate>> gates;
    {
      const std::scoped_lock lock(own.mutex);
      for (const auto& [tenant, gate] : own.gates) gates.push_back(gate);
    }
    for (const auto& gate : gates) visit(*gate);
  }
}

void TenantGates::tenant_changed(const Tenant& tenant) {
  Shard& own = shard(tenant.id);
  const std::scoped_lock lock(own.mutex);
  if (const auto found = own.gates.find(tenant.id); found != own.gates.end()) found->second->apply(with_limit(tenant));
}

void TenantGates::missed() {
  each([](TenantGate& gate) { gate.doubt(); });
}

}  // namespace cadastre

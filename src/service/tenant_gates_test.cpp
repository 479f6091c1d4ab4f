// The gate of one tenant: its state, its rate over several threads, and what it costs to keep.
#include "service/tenant_gates.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <new>
#include <thread>

// ThreadSanitizer brings an operator new of its own, so nothing is counted under it.
#if !__has_feature(thread_sanitizer)
namespace {

std::atomic<std::size_t> allocated_bytes = 0;

}  // namespace

// Counts what every new of this program asks for.
void* operator new(std::size_t bytes) {
  allocated_bytes += bytes;
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace cadastre {
namespace {

Tick at_ms(std::int64_t ms) { return Tick(std::chrono::milliseconds(3'600'000 + ms)); }

Tenant tenant_with_rate(std::int64_t limit) {
  Tenant tenant{.id = TenantId::parse("acme-corp").value()};
  tenant.quota.api_rate = RequestsPerMinute{limit};
  return tenant;
}

#if !__has_feature(thread_sanitizer)
TEST_CASE("the rate of an active tenant takes at most 512 bytes, however it calls, shared or not") {
  constexpr std::size_t tenants = 100;
  for (const RateSharing sharing : {RateSharing::alone, RateSharing::shared}) {
    std::vector<std::unique_ptr<TenantRate>> rates(tenants);
    const std::size_t before = allocated_bytes;
    for (auto& rate : rates) rate = std::make_unique<TenantRate>(600, sharing);
    for (std::int64_t now = 0; now < 200'000; now += 50) {
      for (auto& rate : rates) rate->admit(at_ms(now));
    }
    const std::size_t each = (allocated_bytes - before) / tenants;
    MESSAGE("bytes for each tenant: ", each);
    CHECK(each <= 512);
  }
}
#endif

TEST_CASE("one tenant's rate holds over all threads, and two tenants do not share one") {
  TenantGate gate(tenant_with_rate(1000));
  TenantGate other(tenant_with_rate(10));
  std::atomic<int> admitted = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 1000; ++j) admitted += gate.admit(at_ms(j))->admitted ? 1 : 0;
      });
    }
  }
  CHECK(admitted == 1000);
  CHECK(other.admit(at_ms(1000))->remaining == 9);
}

TEST_CASE("a gate takes over what is newer and never what is older") {
  Tenant tenant = tenant_with_rate(5);
  tenant.revision = 7;
  TenantGate gate(tenant);
  tenant.revision = 6;
  tenant.state = TenantState::suspended;
  gate.apply(tenant);
  CHECK(gate.state() == TenantState::active);
  tenant.revision = 8;
  tenant.quota.api_rate = RequestsPerMinute{2};
  gate.apply(tenant);
  CHECK(gate.state() == TenantState::suspended);
  CHECK(gate.admit(at_ms(0))->limit == 2);
  CHECK(gate.last_used() == at_ms(0));
}

}  // namespace
}  // namespace cadastre

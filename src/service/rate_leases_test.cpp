#include "service/rate_leases.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>

#include "service/test_rate_port.h"

namespace cadastre {
namespace {

constexpr Instant noon = instant_from_ms(1'763'985'600'000);

TenantId id_of(const std::string& text) { return TenantId::parse(text).value(); }

std::shared_ptr<TenantGate> gate_of(const std::string& id, std::int64_t limit) {
  Tenant tenant{.id = id_of(id), .display_name = id, .vkey = "", .created_by = ""};
  tenant.quota.api_rate = RequestsPerMinute{limit};
  return std::make_shared<TenantGate>(tenant, RateSharing::shared);
}

/// One replica of a manual clock.
struct Replica {
  Replica(RateBudgets& budgets, const Clock& own_clock, RateLeasesSettings settings = {})
      : clock(own_clock), leases(budgets, clock, settings) {}

  /// One request: true or false when it is decided, nothing while it waits.
  void request(const std::shared_ptr<TenantGate>& gate) {
    if (const auto decision = gate->admit(clock.tick())) return count(*decision);
    leases.wait(gate, [this](const RateDecision& decision) { count(decision); });
  }
  void count(const RateDecision& decision) { ++(decision.admitted ? admitted : decision.unknown ? unknown : refused); }

  const Clock& clock;
  RateLeases leases;
  int admitted = 0;
  int refused = 0;
  int unknown = 0;
};

TEST_CASE("the first request waits for one message, and those that follow for none") {
  ManualClock clock(noon);
  MemoryRateBudgets budgets(clock);
  budgets.set_limit(id_of("acme"), 6'000);
  Replica replica(budgets, clock);
  const auto gate = gate_of("acme", 6'000);
  replica.request(gate);
  CHECK(replica.admitted == 0);
  replica.leases.look();
  CHECK(replica.admitted == 1);
  for (int i = 0; i < 3'000; ++i) {
    clock.advance(std::chrono::milliseconds(10));
    replica.request(gate);
    if (i % 20 == 19) replica.leases.look();
  }
  replica.leases.look();
  CHECK(replica.admitted == 3'001);
  CHECK(replica.leases.figures().waited < 30);  // all of them before the first look or just before one
  CHECK(budgets.calls() < 100);
}

TEST_CASE("two replicas together admit what the limit allows, and the rest is refused") {
  ManualClock clock(noon);
  MemoryRateBudgets budgets(clock);
  budgets.set_limit(id_of("acme"), 600);
  Replica one(budgets, clock);
  Replica other(budgets, clock);
  const auto gate = gate_of("acme", 600);
  const auto other_gate = gate_of("acme", 600);
  for (int i = 0; i < 500; ++i) {
    one.request(gate);
    other.request(other_gate);
  }
  for (int i = 0; i < 3; ++i) {
    one.leases.look();
    other.leases.look();
  }
  CHECK(one.admitted + other.admitted <= 600);
  CHECK(one.admitted + other.admitted >= 590);
  CHECK(one.admitted + other.admitted + one.refused + other.refused == 1'000);
}

TEST_CASE("at the end all that is held goes back, and who waits is decided") {
  ManualClock clock(noon);
  MemoryRateBudgets budgets(clock);
  budgets.set_limit(id_of("acme"), 6'000);
  Replica replica(budgets, clock);
  const auto gate = gate_of("acme", 6'000);
  for (int i = 0; i < 100; ++i) replica.request(gate);
  replica.leases.look();
  CHECK(budgets.counted(id_of("acme")) > 100);
  budgets.set_limit(id_of("beta"), 6'000);
  replica.request(gate_of("beta", 6'000));
  replica.leases.stop();
  CHECK(replica.admitted == 101);
  CHECK(budgets.counted(id_of("acme")) == 100);
  CHECK(budgets.counted(id_of("beta")) == 1);
}

TEST_CASE("while the store cannot be asked requests that need it are unknown at once, and the failure is told once") {
  ManualClock clock(noon);
  MemoryRateBudgets budgets(clock);
  Replica replica(budgets, clock);
  for (const char* name : {"acme", "beta"}) budgets.set_limit(id_of(name), 6'000);
  const auto gate = gate_of("acme", 6'000);
  const auto other = gate_of("beta", 6'000);
  for (int i = 0; i < 100; ++i) replica.request(gate);
  replica.leases.look();
  REQUIRE(replica.admitted == 100);
  budgets.set_reachable(false);
  replica.request(gate);
  CHECK(replica.admitted == 101);  // from what is held
  replica.request(other);
  replica.leases.look();
  CHECK(replica.unknown == 1);
  const std::size_t calls = budgets.calls();
  const auto third = gate_of("gamma", 6'000);
  replica.request(third);
  replica.leases.look();
  CHECK(replica.unknown == 2);
  CHECK(budgets.calls() == calls);
  budgets.set_reachable(true);
  clock.advance(std::chrono::milliseconds(500));
  replica.request(other);
  replica.leases.look();
  CHECK(replica.admitted == 102);
  CHECK(replica.leases.figures().failures == 1);
}

TEST_CASE("many tenants go into few messages, and a tenant that does not call is forgotten") {
  ManualClock clock(noon);
  MemoryRateBudgets budgets(clock);
  Replica replica(budgets, clock, {.batch_max = 4});
  for (int i = 0; i < 10; ++i) {
    const std::string name = "t" + std::to_string(i);
    budgets.set_limit(id_of(name), 600);
    replica.request(gate_of(name, 600));
  }
  replica.leases.look();
  CHECK(replica.admitted == 10);
  CHECK(replica.leases.figures().messages == 3);
  CHECK(replica.leases.figures().wants == 10);
  CHECK(replica.leases.figures().tenants == 10);
  for (int i = 0; i < 60; ++i) {
    clock.advance(std::chrono::milliseconds(250));
    replica.leases.look();
  }
  CHECK(replica.leases.figures().tenants == 0);
  for (int i = 0; i < 10; ++i) CHECK(budgets.counted(id_of("t" + std::to_string(i))) == 1);
}

TEST_CASE("the platform's own limit is the replica's") {
  ManualClock clock(noon);
  MemoryRateBudgets budgets(clock);
  Replica replica(budgets, clock);
  Tenant platform{.id = TenantId::platform(), .display_name = "", .vkey = "", .created_by = ""};
  platform.quota.api_rate = RequestsPerMinute{2};
  const auto gate = std::make_shared<TenantGate>(platform, RateSharing::shared);
  for (int i = 0; i < 3; ++i) replica.request(gate);
  replica.leases.look();
  CHECK(replica.admitted == 2);
  CHECK(replica.refused == 1);
}

TEST_CASE("with threads of its own, and requests of many others, nobody is forgotten and the limit holds") {
  const SystemClock clock;
  MemoryRateBudgets budgets(clock);
  budgets.set_limit(id_of("acme"), 1'000);
  RateLeases one(budgets, clock);
  RateLeases other(budgets, clock);
  one.start([](const std::string&) {});
  other.start([](const std::string&) {});
  std::atomic<int> admitted = 0;
  std::atomic<int> decided = 0;
  std::vector<std::thread> threads;
  for (RateLeases* const leases : {&one, &other}) {
    const auto gate = gate_of("acme", 1'000);
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&, leases, gate] {
        for (int request = 0; request < 400; ++request) {
          auto decision = gate->admit(clock.tick());
          if (!decision) {
            std::promise<RateDecision> answer;
            leases->wait(gate, [&](const RateDecision& said) { answer.set_value(said); });
            decision = answer.get_future().get();
          }
          decided += 1;
          admitted += decision->admitted ? 1 : 0;
        }
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
  one.stop();
  other.stop();
  CHECK(decided == 2'400);
  CHECK(admitted <= 1'000);
  CHECK(admitted >= 950);
  CHECK(budgets.counted(id_of("acme")) == admitted);
}

}  // namespace
}  // namespace cadastre

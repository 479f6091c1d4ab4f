// The contract of the shared rate budgets (service/rate_port.h): on every store that replicas may share, and in memory.
#include <atomic>
#include <thread>

#include "service/test_rate_port.h"
#include "store/contract_test.h"

namespace cadastre {
namespace {

const TenantId acme = id_of("acme");

/// Where several replicas share the rates of `acme`, 600 a minute, and of others.
class RatePlace {
 public:
  virtual ~RatePlace() = default;
  /// The budgets as one more replica sees them.
  virtual std::unique_ptr<RateBudgets> open() = 0;
  virtual void add(const TenantId& tenant, std::int64_t limit) = 0;
  virtual void set_limit(const TenantId& tenant, std::int64_t limit) = 0;
};

class MemoryRatePlace final : public RatePlace {
 public:
  std::unique_ptr<RateBudgets> open() override { return std::make_unique<View>(budgets_); }
  void add(const TenantId& tenant, std::int64_t limit) override { budgets_.set_limit(tenant, limit); }
  void set_limit(const TenantId& tenant, std::int64_t limit) override { budgets_.set_limit(tenant, limit); }

 private:
  struct View final : RateBudgets {
    explicit View(RateBudgets& all) : budgets(all) {}
    std::vector<RateGrant> lease(std::span<const RateWant> wants) override { return budgets.lease(wants); }
    RateBudgets& budgets;
  };
  SystemClock clock_;
  MemoryRateBudgets budgets_{clock_};
};

class StoreRatePlace final : public RatePlace {
 public:
  explicit StoreRatePlace(Store& store) : store_(store) {}
  std::unique_ptr<RateBudgets> open() override { return store_.open_rate_budgets(); }
  void add(const TenantId& tenant, std::int64_t limit) override {
    register_tenant(store_, tenant.text());
    set_limit(tenant, limit);
  }
  void set_limit(const TenantId& tenant, std::int64_t limit) override {
    update(tenant, [&](Tenant& row) { row.quota.api_rate = RequestsPerMinute{limit}; });
  }

 private:
  void update(const TenantId& tenant, const std::function<void(Tenant&)>& edit) {
    change(store_, tenant, [&](Tx& tx) {
      Tenant row = tx.tenant(tenant).value();
      edit(row);
      tx.update(row);
    });
  }
  Store& store_;
};

/// Runs one rule in memory and on every store that can be shared.
template <class Test>
void on_every_rate_place(Test&& test) {
  MemoryRatePlace memory;
  memory.add(acme, 600);
  test(memory);
  on_every_store([&](Store& store) {
    if (!store.open_rate_budgets()) return;  // serves one process alone
    StoreRatePlace place(store);
    place.add(acme, 600);
    test(place);
  });
}

RateGrant lease(RateBudgets& budgets, const TenantId& tenant, const RateAsk& ask, std::int64_t limit = 0) {
  const RateWant wants[] = {{tenant, ask, limit}};
  const auto grants = budgets.lease(wants);
  REQUIRE(grants.size() == 1);
  return grants[0];
}

TEST_CASE("replicas together are granted what the tenant's row allows, and what one returns another is granted") {
  on_every_rate_place([](RatePlace& place) {
    const auto one = place.open();
    const auto other = place.open();
    const RateGrant first = lease(*one, acme, {.wanted = 400}, 5);
    CHECK(first.granted == 400);
    CHECK(first.free == 200);
    CHECK(first.more_in == RateBudget::window);
    const RateGrant second = lease(*other, acme, {.wanted = 400});
    CHECK(second.granted == 200);
    CHECK(second.free == 0);
    CHECK(second.more_in > RateBudget::window);
    CHECK(second.more_in <= RateBudget::window + RateBudget::lease + std::chrono::milliseconds(500));
    const RateAsk told{
        .wanted = 1, .returns = {{.slice = first.slice, .unused = 100, .used = {{std::chrono::milliseconds(1), 300}}}}};
    CHECK(lease(*one, acme, told).granted == 1);
    CHECK(lease(*other, acme, {.wanted = 1'000}).granted == 99);
    CHECK(lease(*place.open(), acme, {.wanted = 1'000}).granted == 0);
  });
}

TEST_CASE("many tenants are answered in the order of the wants") {
  on_every_rate_place([](RatePlace& place) {
    const auto budgets = place.open();
    std::vector<RateWant> wants;
    for (int i = 20; i > 0; --i) {
      const TenantId tenant = id_of("t" + std::to_string(i * 7 % 20));
      place.add(tenant, 100 + i);
      wants.push_back({tenant, {.wanted = 1'000}, 0});
    }
    const auto grants = budgets->lease(wants);
    REQUIRE(grants.size() == 20);
    for (std::size_t i = 0; i < 20; ++i) CHECK(grants[i].granted == 120 - static_cast<std::int64_t>(i));
    CHECK(budgets->lease({}).empty());
  });
}

TEST_CASE("the limit is the row's as it is then; the platform's is the want's; who is not there is granted nothing") {
  on_every_rate_place([](RatePlace& place) {
    const auto budgets = place.open();
    CHECK(lease(*budgets, acme, {.wanted = 300}).granted == 300);
    place.set_limit(acme, 200);
    CHECK(lease(*budgets, acme, {.wanted = 300}).granted == 0);
    place.set_limit(acme, 301);
    CHECK(lease(*budgets, acme, {.wanted = 300}).granted == 1);
    CHECK(lease(*budgets, TenantId::platform(), {.wanted = 300}, 30).granted == 30);
    CHECK(lease(*budgets, TenantId::platform(), {.wanted = 300}, 31).granted == 1);
    CHECK(lease(*budgets, id_of("nobody"), {.wanted = 1}, 600).granted == 0);
  });
}

TEST_CASE("replicas that ask for the same tenants at the same time are granted exactly the limits") {
  on_every_rate_place([](RatePlace& place) {
    const TenantId tenants[] = {id_of("t1"), id_of("t2"), id_of("t3")};
    for (const TenantId& tenant : tenants) place.add(tenant, 500);
    std::array<std::atomic<std::int64_t>, 3> granted{};
    std::vector<std::thread> threads;
    for (std::size_t replica = 0; replica < 6; ++replica) {
      threads.emplace_back([&, replica, budgets = std::shared_ptr(place.open())] {
        for (std::size_t turn = 0; turn < 40; ++turn) {
          std::vector<RateWant> wants;
          for (std::size_t i = 0; i < 3; ++i)
            wants.push_back(
                {tenants[(replica + turn + i) % 3], {.wanted = static_cast<std::int64_t>(1 + turn % 5)}, 0});
          const auto grants = budgets->lease(wants);
          for (std::size_t i = 0; i < 3; ++i) granted[(replica + turn + i) % 3] += grants[i].granted;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& sum : granted) CHECK(sum == 500);
  });
}

TEST_CASE("what was granted is still counted when the store is opened again") {
  on_every_engine([](Place& place) {
    {
      const auto store = place.open();
      const auto budgets = store->open_rate_budgets();
      if (!budgets) return;
      register_tenant(*store, "acme");
      CHECK(lease(*budgets, acme, {.wanted = 590}).granted == 590);
    }
    const auto store = place.open();
    CHECK(lease(*store->open_rate_budgets(), acme, {.wanted = 590}).granted == 10);
  });
}

}  // namespace
}  // namespace cadastre

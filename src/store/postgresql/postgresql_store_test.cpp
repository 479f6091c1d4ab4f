#include "store/postgresql/postgresql_store.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "store/contract_test.h"
#include "store/postgresql/test_proxy.h"
#include "store/postgresql/transaction.h"

namespace cadastre {
namespace {

using postgresql::TestProxy;
using postgresql::TestSchema;
using std::chrono::milliseconds;
using std::chrono::seconds;

const TenantId acme = id_of("acme");
const TenantId zeta = id_of("zeta");

std::unique_ptr<Store> open_on(const TestSchema& schema) { return open_postgresql_store({.url = schema.url()}); }

/// Waits for what comes soon.
template <class Condition>
bool comes_true(Condition condition, milliseconds within) {
  const SystemClock clock;
  const Tick give_up = clock.tick() + within;
  while (!condition()) {
    if (clock.tick() > give_up) return false;
    rest_for(milliseconds(5));
  }
  return true;
}

/// Remembers what the store told of each tenant last.
class Listener final : public ChangeFeed {
 public:
  void tenant_changed(const Tenant& tenant) override {
    const std::lock_guard lock(mutex_);
    told_.insert_or_assign(tenant.id, tenant);
    ++count_;
  }
  void missed() override { ++missed_; }
  std::optional<Tenant> told(const TenantId& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = told_.find(id);
    return found == told_.end() ? std::nullopt : std::optional(found->second);
  }
  int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  int times_missed() const { return missed_; }

 private:
  mutable std::mutex mutex_;
  std::map<TenantId, Tenant> told_;
  int count_ = 0;
  std::atomic<int> missed_ = 0;
};

TEST_CASE("a leaf of the ledger is neither updated nor deleted") {
  const TestSchema schema;
  const auto store = open_on(schema);
  register_tenant(*store, "acme");
  for (const char* sql : {"UPDATE ledger_leaf SET bytes = ''", "DELETE FROM ledger_leaf", "TRUNCATE ledger_leaf"}) {
    CAPTURE(sql);
    CHECK_THROWS_WITH_AS(schema.sql(sql), doctest::Contains("a ledger leaf is never"), StoreFailure);
  }
  CHECK(store->open_reader()->leaves(acme, {}).size() == 1);
}

TEST_CASE("expired idempotent answers are swept away as new ones come") {
  const TestSchema schema;
  const auto store = open_on(schema);
  register_tenant(*store, "acme");
  for (int i = 0; i < 100; ++i) {
    const Instant now = noon + std::chrono::hours(i);
    change(*store, acme, [&](Tx& tx) {
      const auto answer = sample_answer(static_cast<std::uint8_t>(i), now + std::chrono::hours(10));
      tx.idempotent_answer(acme, answer.key, now);
      tx.record(acme, answer);
    });
  }
  CHECK(std::stoi(schema.sql("SELECT count(*) FROM idempotency")) <= 2 * 10 + 4);
}

TEST_CASE("two processes that create at once admit together exactly as many as the limit allows") {
  const TestSchema schema;
  const std::unique_ptr<Store> stores[] = {open_on(schema), open_on(schema)};
  for (int round = 0; round < 5; ++round) {
    const std::string name = "tenant-" + std::to_string(round);
    const TenantId tenant = id_of(name);
    register_tenant(*stores[0], name);
    std::atomic<int> admitted = 0;
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < 32; ++i) {
      threads.emplace_back([&, i] {
        for (std::uint32_t turn = 0; turn < 2; ++turn) {
          change(*stores[(i + turn) % 2], tenant,
                 [&](Tx& tx) { admitted += create_vm(tx, tenant, 2 * i + turn) ? 1 : 0; });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    const auto counts = stores[0]->open_reader()->recount(tenant);
    CHECK(counts.rows.vms == VmCount{10});
    CHECK(counts.leaves == 11);
    CHECK(agrees(counts));
  }
}

TEST_CASE("two processes that record the same key at once: one records it, the other finds it") {
  const TestSchema schema;
  const std::unique_ptr<Store> stores[] = {open_on(schema), open_on(schema)};
  register_tenant(*stores[0], "acme");
  for (std::uint8_t key = 0; key < 20; ++key) {
    std::atomic<int> recorded = 0, found = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        int what = 0;
        // As a platform administrator's request: another namespace is changed than the one that keeps the answer.
        change(*stores[i], id_of("tenant-" + std::to_string(i)), [&](Tx& tx) {
          what = tx.idempotent_answer(acme, sample_answer(key, noon).key, noon) ? 1 : 2;
          if (what == 2) tx.record(acme, sample_answer(key, noon + std::chrono::hours(1)));
        });
        ++(what == 1 ? found : recorded);
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(recorded == 1);
    CHECK(found == 1);
  }
}

TEST_CASE("changes that reach into another namespace, both ways at once, all happen") {
  const TestSchema schema;
  const std::unique_ptr<Store> stores[] = {open_on(schema), open_on(schema)};
  for (const char* name : {"acme", "zeta"}) register_tenant(*stores[0], name);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const TenantId own = i % 2 == 0 ? acme : zeta;
      const TenantId other = i % 2 == 0 ? zeta : acme;
      for (int turn = 0; turn < 10; ++turn) {
        change(*stores[(i / 2) % 2], own, [&](Tx& tx) {
          tx.append(sample_event(own), noon);
          tx.append(sample_event(other), noon);
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto reader = stores[0]->open_reader();
  for (const TenantId& tenant : {acme, zeta}) {
    CHECK(reader->log_head(tenant).value().size == 81);
    CHECK(agrees(reader->recount(tenant)));
  }
}

TEST_CASE("a change that names the tenants it reaches into waits for all their rows, and runs once") {
  const TestSchema schema;
  const auto store = open_postgresql_store({.url = schema.url(), .lanes = 1});
  std::vector<TenantId> tenants;
  for (const char* name : {"acme", "bolt", "zeta"}) {
    register_tenant(*store, name);
    tenants.push_back(id_of(name));
  }
  postgresql::Connection holder(schema.url());
  const std::string pid = holder.text("SELECT pg_backend_pid()");
  holder.execute("SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT 1 FROM tenant_usage FOR UPDATE");
  int runs = 0;
  std::thread changer([&] {
    const auto append_to_each = [&](Tx& tx) {
      ++runs;
      for (const TenantId& tenant : tenants) tx.append(sample_event(tenant), noon);
      return Verdict::commit;
    };
    detail::run_and_wait(*store, TenantId::platform(), append_to_each, tenants);
  });
  const std::string held_up = "SELECT count(*) FROM pg_stat_activity WHERE " + pid + " = ANY(pg_blocking_pids(pid))";
  CHECK(comes_true([&] { return schema.sql(held_up) == "1"; }, seconds(4)));
  holder.execute("COMMIT");
  changer.join();
  CHECK(runs == 1);
  CHECK(store->figures().reruns == 0);
  for (const TenantId& tenant : tenants) CHECK(store->open_reader()->log_head(tenant).value().size == 2);
}

TEST_CASE("tenants that a change turns out to reach into do not use up its patience with others") {
  const TestSchema schema;
  const auto store = open_on(schema);
  register_tenant(*store, "acme");
  constexpr int tenants = 20;
  int runs = 0;
  CHECK_NOTHROW(change(*store, acme, [&](Tx& tx) {
    ++runs;
    if (runs <= tenants) throw postgresql::LockNeeded(id_of("tenant-" + std::to_string(runs)));
    if (runs == tenants + 1) throw postgresql::Failure(postgresql::Trouble::conflict, "another was in the way");
    tx.append(sample_event(acme), noon);
  }));
  CHECK(runs == tenants + 2);
  CHECK(store->open_reader()->log_head(acme).value().size == 2);
}

TEST_CASE("what one process changes of a tenant's row the other hears within a second, and of its VMs nothing") {
  const TestSchema schema;
  Listener listener;
  const auto one = open_on(schema);
  const auto other = open_on(schema);
  other->subscribe(listener);
  CHECK(!other->feed_is_exact());
  register_tenant(*one, "acme");
  change(*one, acme, [](Tx& tx) {
    auto tenant = tx.tenant(acme).value();
    tenant.state = TenantState::suspended;
    tx.update(tenant);
  });
  CHECK(comes_true([&] { return listener.told(acme) && listener.told(acme)->state == TenantState::suspended; },
                   seconds(1)));
  change(*one, acme, [](Tx& tx) { tx.insert({acme, RevocationKind::token, {}, noon, noon + std::chrono::hours(1)}); });
  CHECK(comes_true([&] { return listener.told(acme)->revocations == 1; }, seconds(1)));
  const int told = listener.count();
  change(*one, acme, [](Tx& tx) { create_vm(tx, acme, 1); });
  change(*one, acme, [](Tx& tx) {
    auto tenant = tx.tenant(acme).value();
    tenant.state = TenantState::active;
    tx.update(tenant);
  });
  CHECK(comes_true([&] { return listener.told(acme)->state == TenantState::active; }, seconds(1)));
  CHECK(listener.count() == told + 1);
  CHECK(listener.times_missed() == 0);
  CHECK(other->feed_age() < seconds(1));
  CHECK(schema.sql("SELECT count(*) FROM change_feed") == "1");
  other->stop();
}

TEST_CASE("a process whose connections are ended goes on with new ones") {
  const TestSchema schema;
  const auto store = open_on(schema);
  register_tenant(*store, "acme");
  const auto reader = store->open_reader();
  for (std::uint32_t number = 1; number <= 5; ++number) {
    CHECK(reader->tenant(acme));
    schema.sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        "pg_backend_pid() AND application_name <> 'psql'");  // with which other tests make their databases meanwhile
    CHECK(reader->tenant(acme));
    change(*store, acme, [&](Tx& tx) { CHECK(create_vm(tx, acme, number)); });
  }
  CHECK(agrees(reader->recount(acme)));
  CHECK(reader->recount(acme).rows.vms == VmCount{5});
}

TEST_CASE("while the database cannot be reached, questions and changes fail at once; then they succeed again") {
  const TestSchema schema;
  TestProxy proxy;
  const auto store = open_postgresql_store({.url = proxy.url(schema)});
  register_tenant(*store, "acme");
  const auto reader = store->open_reader();
  CHECK(reader->tenant(acme));
  proxy.close();
  const Stopwatch watch;
  for (int i = 0; i < 20; ++i) {
    CHECK_THROWS_AS(reader->tenant(acme), StoreFailure);
    CHECK_THROWS_AS(change(*store, acme, [](Tx& tx) { create_vm(tx, acme, 1); }), StoreFailure);
  }
  CHECK(watch.elapsed() < seconds(2));
  CHECK(comes_true([&] { return store->feed_age() > milliseconds(500); }, seconds(2)));
  proxy.open();
  const auto works = [&] {
    try {
      change(*store, acme, [](Tx& tx) { create_vm(tx, acme, 1); });
      return reader->vm(acme, sample_vm(acme, 1).id).has_value();
    } catch (const StoreFailure&) {
      return false;
    }
  };
  CHECK(comes_true(works, seconds(10)));
  CHECK(comes_true([&] { return store->feed_age() < milliseconds(500); }, seconds(10)));
  CHECK(agrees(reader->recount(acme)));
}

TEST_CASE("a commit whose answer is lost is asked about: what was kept is kept once, what was not is done again") {
  const TestSchema schema;
  TestProxy proxy;
  const auto store = open_postgresql_store({.url = proxy.url(schema), .lanes = 1});
  register_tenant(*store, "acme");
  std::uint32_t number = 0;
  for (const auto cut : {TestProxy::Cut::after_commit, TestProxy::Cut::before_commit}) {
    for (int i = 0; i < 3; ++i) {
      ++number;
      proxy.cut_next(cut);
      change(*store, acme, [&](Tx& tx) { CHECK(create_vm(tx, acme, number)); });
      CHECK(proxy.cuts() == static_cast<int>(number));
      const auto counts = store->open_reader()->recount(acme);
      CHECK(counts.rows.vms == VmCount{number});
      CHECK(counts.leaves == number + 1);
      CHECK(agrees(counts));
    }
    CHECK(store->figures().reruns == (cut == TestProxy::Cut::after_commit ? 0 : 3));
  }
}

TEST_CASE("who stands still while it sends a group is ended by those who wait for its rows; its changes happen once") {
  const TestSchema schema;
  TestProxy proxy;
  const auto frozen = open_postgresql_store({.url = proxy.url(schema), .lanes = 1});
  const auto other = open_on(schema);
  register_tenant(*other, "acme");
  proxy.hold_at("insert_leaves");
  std::thread sender([&] {
    change(*frozen, acme, [](Tx& tx) {
      for (int i = 0; i < 200; ++i) tx.append(sample_event(acme), noon);
    });
  });
  CHECK(comes_true([&] { return proxy.is_holding(); }, seconds(10)));
  CHECK_NOTHROW(change(*other, acme, [](Tx& tx) { tx.append(sample_event(acme), noon); }));
  CHECK(other->open_reader()->log_head(acme).value().size == 2);
  CHECK(other->figures().reruns >= 1);
  proxy.let_go();
  sender.join();
  CHECK(other->open_reader()->log_head(acme).value().size == 202);
  CHECK(agrees(other->open_reader()->recount(acme)));
}

TEST_CASE("a commit of which nothing can be learned is said to be unknown, and its process doubts what it knows") {
  const TestSchema schema;
  TestProxy proxy;
  Listener listener;
  const auto store =
      open_postgresql_store({.url = proxy.url(schema), .lanes = 1, .outcome_patience = milliseconds(200)});
  store->subscribe(listener);
  register_tenant(*store, "acme");
  proxy.cut_next(TestProxy::Cut::after_commit_for_good);
  const auto suspend = [](Tx& tx) {
    auto tenant = tx.tenant(acme).value();
    tenant.state = TenantState::suspended;
    tx.update(tenant);
  };
  CHECK_THROWS_AS(change(*store, acme, suspend), CommitUnknown);
  CHECK(listener.times_missed() == 1);
  proxy.open();
  // It was committed; now it is told.
  CHECK(comes_true([&] { return listener.told(acme)->state == TenantState::suspended; }, seconds(10)));
  store->stop();
}

}  // namespace
}  // namespace cadastre

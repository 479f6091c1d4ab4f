#include <doctest/doctest.h>

#include <functional>
#include <thread>

#include "store/contract_test.h"
#include "store/postgresql/postgresql_store.h"
#include "store/postgresql/test_proxy.h"

namespace cadastre {
namespace {

using postgresql::Connection;
using postgresql::Failure;
using postgresql::Reachability;
using postgresql::TestProxy;
using postgresql::TestSchema;
using std::chrono::milliseconds;
using std::chrono::seconds;

const TenantId acme = id_of("acme");

constexpr seconds known_within{3};  // that the database does not answer
constexpr milliseconds at_once{500};

/// How long it took to be refused.
milliseconds refused_after(const std::function<void()>& ask) {
  const SystemClock clock;
  const Tick began = clock.tick();
  CHECK_THROWS_AS(ask(), StoreFailure);
  return clock.tick() - began;
}

bool comes_true(const std::function<bool()>& condition, milliseconds within) {
  const SystemClock clock;
  const Tick give_up = clock.tick() + within;
  while (!condition()) {
    if (clock.tick() > give_up) return false;
    rest_for(milliseconds(5));
  }
  return true;
}

/// What threads of a server ask of the store, each by itself.
struct Server {
  explicit Server(const std::string& url) : store(open_postgresql_store({.url = url, .lanes = 1})) {
    register_tenant(*store, "acme");
    for (const auto& ask : asks()) ask();
  }
  std::vector<std::function<void()>> asks() {
    return {[&] { reader->tenant(acme); }, [&] { change(*store, acme, [&](Tx& tx) { create_vm(tx, acme, ++vms); }); },
            [&] { tiles->read(acme, LogId{}, "checkpoint"); },
            [&] {
              const RateWant want{.tenant = acme, .ask = {.wanted = 1}, .limit = 10};
              budgets->lease({&want, 1});
            }};
  }
  bool works() {
    try {
      for (const auto& ask : asks()) ask();
      return true;
    } catch (const StoreFailure&) {
      return false;
    }
  }

  const std::unique_ptr<Store> store;
  const std::unique_ptr<Reader> reader = store->open_reader();
  const std::unique_ptr<TileStore> tiles = store->open_tiles();
  const std::unique_ptr<RateBudgets> budgets = store->open_rate_budgets();
  std::atomic<std::uint32_t> vms = 0;
};

TEST_CASE("a database that does not answer is known within three seconds, then refused at once; then it serves again") {
  for (const auto manner : {TestProxy::Manner::swallowing, TestProxy::Manner::holding}) {
    const TestSchema schema;
    TestProxy proxy;
    Server server(proxy.url(schema));
    proxy.be(manner);
    std::vector<std::jthread> threads;
    for (const auto& ask : server.asks()) {
      threads.emplace_back([ask] { CHECK(refused_after(ask) < known_within); });
    }
    threads.clear();
    for (const auto& ask : server.asks()) CHECK(refused_after(ask) < at_once);
    CHECK(refused_after([&] { open_postgresql_store({.url = proxy.url(schema)}); }) < 2 * known_within);
    for (const auto& ask : server.asks()) CHECK(refused_after(ask) < at_once);
    proxy.be(TestProxy::Manner::passing);
    CHECK(comes_true([&] { return server.works(); }, seconds(10)));
    CHECK(agrees(server.store->open_reader()->recount(acme)));
  }
}

TEST_CASE("a store stops while its database does not answer") {
  const TestSchema schema;
  TestProxy proxy;
  Server server(proxy.url(schema));
  proxy.be(TestProxy::Manner::holding);
  const SystemClock clock;
  const Tick began = clock.tick();
  server.store->stop();
  CHECK(clock.tick() - began < known_within);
}

TEST_CASE("more than fits on the way is not waited for either") {
  const TestSchema schema;
  TestProxy proxy;
  Reachability reachability;
  Connection connection(proxy.url(schema), {milliseconds(300), milliseconds(300)}, &reachability);
  proxy.be(TestProxy::Manner::holding);
  const std::string large(8UL << 20, '-');
  CHECK(refused_after([&] { connection.execute("SELECT 1 --" + large); }) < seconds(30));  // else never
  CHECK_FALSE(connection.is_open());
  CHECK(reachability.is_silent());
  CHECK(refused_after([&] { connection.execute("SELECT 1"); }) < at_once);
}

TEST_CASE("what takes long is waited for while the database answers others") {
  const TestSchema schema;
  Reachability reachability;
  reachability.watch(true);
  Connection connection(schema.url(), {seconds(5), seconds(5)}, &reachability);
  connection.execute("SELECT pg_sleep(1.5)");
  CHECK(connection.is_open());
  reachability.note_silence(Reachability::Asker::watch, "no answer");
  CHECK(refused_after([&] { connection.execute("SELECT pg_sleep(4)"); }) < known_within);
  CHECK_FALSE(connection.is_open());
}

TEST_CASE("while one thread watches a silent database, nobody else tries") {
  Reachability reachability;
  using enum Reachability::Asker;
  CHECK_FALSE(reachability.refusal(anyone));
  reachability.watch(true);
  reachability.note_silence(anyone, "only mine");
  CHECK_FALSE(reachability.is_silent());
  reachability.note_silence(watch, "no answer");
  CHECK(reachability.is_silent());
  CHECK(comes_true([&] { return !reachability.refusal(watch); }, seconds(2)));
  CHECK(reachability.refusal(anyone) == "no answer");
  reachability.note_success();
  CHECK_FALSE(reachability.refusal(anyone));
  reachability.watch(false);
  reachability.note_silence(anyone, "no answer");
  CHECK(comes_true([&] { return !reachability.refusal(anyone); }, seconds(2)));
}

}  // namespace
}  // namespace cadastre

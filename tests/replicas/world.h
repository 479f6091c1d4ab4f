// Servers that share one store and the tenants' rates, as replicas do.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/test_folder.h"
#include "http/api.h"
#include "http/test_socket.h"
#include "service/tenants.h"
#include "service/test_key_place.h"
#include "service/test_rate_port.h"
#include "service/tokens.h"
#include "store/files/tile_folder.h"
#include "store/sqlite/sqlite_store.h"

namespace cadastre {

/// The machine's clock; fails as a store does when it is told to.
class FailingClock final : public Clock {
 public:
  Instant now() const override {
    if (fails) throw StoreFailure("the store is away");
    return clock_.now();
  }
  Tick tick() const override { return clock_.tick(); }
  std::atomic<bool> fails = false;

 private:
  SystemClock clock_;
};

/// Budgets whose answers can be held back.
class HeldBudgets final : public RateBudgets {
 public:
  explicit HeldBudgets(RateBudgets& budgets) : budgets_(budgets) {}
  std::vector<RateGrant> lease(std::span<const RateWant> wants) override {
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    return budgets_.lease(wants);
  }
  void hold(bool held) {
    const std::scoped_lock lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void wait_until_asked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return asked_ > 0; });
  }

 private:
  RateBudgets& budgets_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int asked_ = 0;
};

/// Passes the store's news on to every replica.
class Feeds final : public ChangeFeed {
 public:
  void tenant_changed(const Tenant& tenant) override {
    for (ChangeFeed* const feed : all) feed->tenant_changed(tenant);
  }
  void missed() override {
    for (ChangeFeed* const feed : all) feed->missed();
  }
  std::vector<ChangeFeed*> all;
};

/// A store that hears nothing of what other processes change, for as long as it says.
class QuietStore final : public Store {
 public:
  explicit QuietStore(Store& store) : store_(store) {}
  std::unique_ptr<Reader> open_reader() override { return store_.open_reader(); }
  bool submit(Change change) override { return store_.submit(std::move(change)); }
  void subscribe(ChangeFeed&) override {}
  bool feed_is_exact() const override { return false; }
  std::chrono::milliseconds feed_age() const override { return age; }
  StoreFigures figures() const override { return store_.figures(); }
  void stop() override {}
  std::atomic<std::chrono::milliseconds> age{};

 private:
  Store& store_;
};

/// One store with the tenant `acme-corp`, and what every replica shares.
struct SharedWorld {
  explicit SharedWorld(std::int64_t limit) {
    log::configure(log::Format::text, log::Level::critical);  // what fails here fails on purpose
    store->subscribe(feeds);
    budgets.set_limit(acme, limit);
    const auto founded = transact(*store, TenantId::platform(), [&](Tx& tx) -> Result<bool> {
      auto log = draw_log(services, TenantId::platform());
      tx.insert(Tenant{.id = TenantId::platform(), .log_id = log.id, .vkey = std::move(log.vkey)});
      tx.put(issuer.registered());
      return true;
    });
    REQUIRE(founded);
    const auto made = transact(*store, acme, [&](Tx& tx) -> Result<FreshToken> {
      const TenantOrder order{acme, "Acme", {VmCount{10}, Gigabytes{100}, {}, {}, RequestsPerMinute{limit}}};
      TRY(create_tenant(tx, services, platform(), order));
      return issue_token(tx, services, platform(),
                         {.tenant = acme,
                          .subject_key = holder.public_key(),
                          .scope = Scope::parse("service:tenant-admin").value(),
                          .expires_in_s = 3600});
    });
    REQUIRE(made);
    token = made->text;
  }
  Caller platform() const {
    return {.tenant = TenantId::platform(),
            .home = TenantId::platform(),
            .scope = Scope::platform_admin(),
            .token_id = "AAAAAAAAAAAAAAAAAAAAAA",
            .rids = {RevocationId{1}},
            .key_thumbprints = {Digest{2}},
            .expires_at = clock.now() + std::chrono::hours(1),
            .request_id = "world"};
  }

  const TenantId acme = TenantId::parse("acme-corp").value();
  const TestFolder folder;
  FailingClock clock;
  SystemRandom random;
  const std::unique_ptr<Store> store = open_sqlite_store({.directory = folder / "store"});
  TileFolder tiles{folder / "ledger"};
  TestKeyPlace issuer{Bytes<32>{1}, clock};
  const PrivateKey holder = PrivateKey::draw(random);
  const Bytes<32> master_seed{7};
  const Deployment deployment{
      .issuer = "http://127.0.0.1:9221", .audience = "cadastre:test", .ledger_host = "127.0.0.1"};
  const Keys keys{issuer.keyring(), master_seed};
  Services services{clock, random, deployment, keys};
  MemoryRateBudgets budgets{clock};
  Feeds feeds;
  std::string token;
};

/// One server of several; what it stands on outlives it.
struct SharedReplica {
  SharedReplica(SharedWorld& own_world, RateBudgets& budgets) : SharedReplica(own_world, budgets, *own_world.store) {
    world.feeds.all.push_back(&gates);
  }
  /// Hears of changes only what that store tells.
  SharedReplica(SharedWorld& own_world, RateBudgets& budgets, Store& own_store)
      : world(own_world), store(own_store), leases(budgets, world.clock) {
    leases.start([](const std::string&) {});
    server.start();
  }
  SharedReplica(const SharedReplica&) = delete;
  SharedReplica& operator=(const SharedReplica&) = delete;
  ~SharedReplica() {
    stop(std::chrono::seconds(20));
    std::erase(world.feeds.all, &gates);
  }
  bool stop(std::chrono::milliseconds patience) {
    if (is_stopped) return true;
    is_stopped = true;
    const bool is_all_answered = server.stop(patience);
    leases.stop();
    return is_all_answered;
  }
  std::string request(const std::string& method, const std::string& path, const std::string& body = "") const {
    return method + " " + path + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + world.token +
           "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n\r\n" + body;
  }
  /// The whole answer, head and body.
  std::string ask(const std::string& method, const std::string& path, const std::string& body = "") const {
    http::TestSocket socket(server.ports().front());
    socket.send(request(method, path, body));
    return socket.receive_all();
  }

  SharedWorld& world;
  Store& store;
  RateLeases leases;
  TenantGates gates{6'000, RateSharing::shared};
  http::Authenticator authenticator{{.issuer = world.deployment.issuer,
                                     .audience = world.deployment.audience,
                                     .service = "vm-tenant",
                                     .lifetime_max = world.deployment.token_lifetime_max},
                                    world.issuer.keyring(),
                                    gates,
                                    store,
                                    world.clock,
                                    {world.deployment.issuer},
                                    6'000};
  http::Api api{{.store = store,
                 .tiles = world.tiles,
                 .gates = gates,
                 .authenticator = authenticator,
                 .services = world.services,
                 .rate_leases = &leases},
                2};
  SystemClock server_clock;
  http::Server server{{.listen = {"127.0.0.1:0"}, .threads = 2}, api, server_clock};
  bool is_stopped = false;
};

}  // namespace cadastre

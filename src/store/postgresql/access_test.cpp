// What gives access, when several processes change it at once.
#include <mutex>
#include <thread>

#include "store/contract_test.h"
#include "store/postgresql/postgresql_store.h"
#include "store/postgresql/test_cluster.h"

namespace cadastre {
namespace {

using postgresql::TestSchema;

const TenantId acme = id_of("acme");

/// Two processes on one database, and a thread in each.
struct Pair {
  TestSchema schema;
  std::unique_ptr<Store> stores[2] = {open_postgresql_store({.url = schema.url()}),
                                      open_postgresql_store({.url = schema.url()})};
  Pair() {
    register_tenant(*stores[0], "");
    register_tenant(*stores[0], "acme");
  }
  /// Runs `body` in both at once. As an administrator's request: another namespace is named than the one it changes.
  void in_both(const std::function<void(Tx&, std::size_t)>& body, int times = 1) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < times; ++round)
          change(*stores[i], id_of("tenant-" + std::to_string(i)), [&](Tx& tx) { body(tx, i); });
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
};

TEST_CASE("two processes that count at once lose no count") {
  Pair pair;
  constexpr int times = 30;
  pair.in_both(
      [](Tx& tx, std::size_t) {
        const auto uses = tx.counter(acme, CounterKind::uses, filled<32>(1));
        tx.set_counter(acme, CounterKind::uses, filled<32>(1), uses + 1, noon);
      },
      times);
  CHECK(pair.stores[0]->open_reader()->counter(acme, CounterKind::uses, filled<32>(1)) == 2 * times);
}

TEST_CASE("of two processes that use a challenge at once, one finds it") {
  Pair pair;
  for (std::uint8_t number = 1; number <= 20; ++number) {
    const Challenge challenge = sample_challenge(acme, number);
    change(*pair.stores[0], acme, [&](Tx& tx) { tx.put(challenge); });
    bool has_found[2] = {};
    pair.in_both([&](Tx& tx, std::size_t i) {
      has_found[i] = tx.challenge(acme, challenge.id).has_value();
      if (has_found[i]) tx.erase_challenge(acme, challenge.id);
    });
    CHECK(has_found[0] != has_found[1]);
  }
}

TEST_CASE("of two processes that change a device at once, the second sees what the first did") {
  Pair pair;
  constexpr int times = 20;
  Device device = sample_device(acme, 1);
  device.revision = 0;
  change(*pair.stores[0], acme, [&](Tx& tx) { tx.put(device); });
  pair.in_both(
      [&](Tx& tx, std::size_t) {
        Device mine = tx.device(acme, device.id).value();
        ++mine.revision;
        tx.put(mine);
      },
      times);
  const auto reader = pair.stores[0]->open_reader();
  CHECK(reader->device(acme, device.id).value().revision == 2 * times);
  CHECK(reader->tenant(acme).value().access_changes == 2 * times + 1);
}

TEST_CASE("of two processes that place on a node at once, the second sees what the first did") {
  Pair pair;
  constexpr int times = 20;
  Node node = sample_node(acme, 1);
  node.placed = {};
  change(*pair.stores[0], acme, [&](Tx& tx) { tx.put(node); });
  pair.in_both(
      [&](Tx& tx, std::size_t i) {
        // One finds it in a page, the other by its id.
        Node mine = i == 0 ? tx.nodes(acme, {}).at(0) : tx.node(acme, node.id).value();
        mine.placed.vms = mine.placed.vms + VmCount{1};
        tx.put(mine);
      },
      times);
  CHECK(pair.stores[0]->open_reader()->node(acme, node.id).value().placed.vms == VmCount{2 * times});
}

TEST_CASE("what one process notes of a token does not undo what another did") {
  Pair pair;
  const IssuedToken token = sample_token(acme, 1);
  change(*pair.stores[0], acme, [&](Tx& tx) { tx.insert(token); });
  pair.in_both(
      [&](Tx& tx, std::size_t i) {
        if (i == 0)
          tx.mark_seen(acme, token.id, noon);
        else
          tx.mark_revoked(acme, token.id, noon, "boss");
      },
      10);
  const IssuedToken found = pair.stores[0]->open_reader()->token(acme, token.id).value();
  CHECK(found.revoked_by == "boss");
  CHECK(found.first_seen == noon);
}

/// Remembers the greatest count of endings that the store told of each namespace.
class Listener final : public ChangeFeed {
 public:
  void tenant_changed(const Tenant& tenant) override {
    const std::lock_guard lock(mutex_);
    (tenant.id.is_platform() ? platform_ : acme_) = endings(tenant);
  }
  void missed() override {}
  bool has_heard(std::int64_t of_platform, std::int64_t of_acme) const {
    const std::lock_guard lock(mutex_);
    return platform_ == of_platform && acme_ == of_acme;
  }

 private:
  mutable std::mutex mutex_;
  std::int64_t platform_ = 0, acme_ = 0;
};

TEST_CASE("another process hears within a second of a device that is removed and of a signing key that changes") {
  Pair pair;
  Listener listener;
  pair.stores[1]->subscribe(listener);
  change(*pair.stores[0], acme, [](Tx& tx) { tx.put(sample_device(acme, 1)); });
  change(*pair.stores[0], acme, [](Tx& tx) { tx.erase_device(acme, sample_device(acme, 1).id); });
  change(*pair.stores[0], TenantId::platform(), [](Tx& tx) { tx.put(sample_signing_key(1)); });
  const SystemClock clock;
  const Tick give_up = clock.tick() + std::chrono::seconds(1);
  while (!listener.has_heard(1, 2) && clock.tick() < give_up) rest_for(std::chrono::milliseconds(5));
  CHECK(listener.has_heard(1, 2));
}

}  // namespace
}  // namespace cadastre

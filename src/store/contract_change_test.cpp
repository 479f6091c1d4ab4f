// The store's contract: a change becomes true whole or not at all, and everybody gets a turn and an answer.
#include <future>

#include "store/contract_test.h"

namespace cadastre {
namespace {

const TenantId acme = id_of("acme");
const TenantId zeta = id_of("zeta");

struct Mishap : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Keeps the store's one thread inside a body until it is released, so that what is submitted meanwhile makes one
/// group.
class Gate {
 public:
  explicit Gate(Store& store) {
    auto entered = std::make_shared<std::promise<void>>();
    auto inside = entered->get_future();
    REQUIRE(store.submit({.tenant = TenantId::platform(),
                          .body =
                              [entered, open = open_.get_future().share()](Tx&) {
                                entered->set_value();
                                open.wait();
                                return Verdict::drop;
                              },
                          .done = [](std::exception_ptr) {}}));
    inside.wait();
  }
  void open() { open_.set_value(); }

 private:
  std::promise<void> open_;
};

std::future<std::string> submit(Store& store, const TenantId& tenant, std::function<Verdict(Tx&)> body) {
  auto answer = std::make_shared<std::promise<std::string>>();
  auto ending = answer->get_future();
  REQUIRE(store.submit({.tenant = tenant, .body = std::move(body), .done = [answer](std::exception_ptr failure) {
                          try {
                            if (failure) std::rethrow_exception(failure);
                            answer->set_value("");
                          } catch (const std::exception& thrown) {
                            answer->set_value(thrown.what());
                          }
                        }}));
  return ending;
}

TEST_CASE("a body that drops, or throws, after writing leaves nothing of what it wrote") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto write_everything = [](Tx& tx) {
      CHECK(create_vm(tx, acme, 1));
      tx.insert(sample_tenant("zeta"));
      tx.append(sample_event(zeta, EventType::tenant_created), noon);
      tx.insert(sample_token(acme, 1));
      tx.insert({acme, RevocationKind::token, sample_token(acme, 1).rid, noon, noon + std::chrono::hours(1)});
      tx.record(acme, sample_answer(1, noon + std::chrono::hours(1)));
      tx.publish(sample_checkpoint(acme, 2), 0);
      tx.set_setting("issuer", "x");
    };
    const auto reader = store.open_reader();
    const std::string before = words_of(reader->tenant(acme).value());
    drop(store, acme, write_everything);
    CHECK_THROWS_WITH_AS(change(store, acme,
                                [&](Tx& tx) {
                                  write_everything(tx);
                                  throw Mishap("on purpose");
                                }),
                         "on purpose", Mishap);
    CHECK(words_of(reader->tenant(acme).value()) == before);
    CHECK(!reader->tenant(zeta));
    CHECK(reader->vms(acme, {}).empty());
    CHECK(reader->tokens(acme, {}).empty());
    CHECK(!reader->is_revoked(acme, RevocationKind::token, sample_token(acme, 1).rid));
    CHECK(!reader->idempotent_answer(acme, sample_answer(1, noon).key, noon));
    CHECK(!reader->checkpoint(acme));
    CHECK(!reader->setting("issuer"));
    CHECK(reader->log_head(acme).value().size == 1);
    // The next change starts from what is stored, not from what was dropped.
    change(store, acme, [](Tx& tx) { CHECK(create_vm(tx, acme, 1)); });
    CHECK(agrees(reader->recount(acme)));
    CHECK(reader->recount(acme).head == 2);
  });
}

TEST_CASE("in one group each body has its own ending, and a failed one leaves the others whole") {
  on_every_store(
      [](Store& store) {
        register_tenant(store, "acme");
        Gate gate(store);
        std::vector<std::future<std::string>> endings;
        for (std::uint32_t number = 1; number <= 8; ++number) {
          endings.push_back(submit(store, acme, [number](Tx& tx) {
            CHECK(tx.tenant(acme).value().used.vms == VmCount{tx.count_vms(acme, VmState::running)});
            create_vm(tx, acme, number);
            if (number == 3) throw Mishap("the third");
            return number == 5 ? Verdict::drop : Verdict::commit;
          }));
        }
        gate.open();
        for (std::size_t i = 0; i < endings.size(); ++i) CHECK(endings[i].get() == (i == 2 ? "the third" : ""));
        const auto reader = store.open_reader();
        CHECK(reader->vms(acme, {}).size() == 6);
        CHECK(!reader->vm(acme, sample_vm(acme, 3).id));
        CHECK(!reader->vm(acme, sample_vm(acme, 5).id));
        CHECK(reader->log_head(acme).value().size == 7);
        CHECK(agrees(reader->recount(acme)));
        const auto leaves = reader->leaves(acme, {});
        for (std::size_t i = 0; i < leaves.size(); ++i) CHECK(leaves[i].seq == i);
      },
      {.one_thread = true});
}

TEST_CASE("a body that refuses without writing costs its group nothing") {
  on_every_store(
      [](Store& store) {
        register_tenant(store, "acme");
        Gate gate(store);
        std::vector<std::future<std::string>> endings;
        int admitted = 0;
        for (std::uint32_t number = 1; number <= 64; ++number) {
          endings.push_back(submit(store, acme, [number, &admitted](Tx& tx) {
            if (!create_vm(tx, acme, number)) return Verdict::drop;
            ++admitted;
            return Verdict::commit;
          }));
        }
        gate.open();
        for (auto& ending : endings) CHECK(ending.get().empty());
        CHECK(admitted == 10);
        CHECK(store.figures().reruns == 0);
        CHECK(store.open_reader()->recount(acme).rows.vms == VmCount{10});
        CHECK(agrees(store.open_reader()->recount(acme)));
      },
      {.one_thread = true});
}

TEST_CASE("when an answer is given, every reader sees the change") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    for (std::uint32_t number = 1; number <= 10; ++number) {
      change(store, acme, [&](Tx& tx) { create_vm(tx, acme, number); });
      CHECK(reader->vm(acme, sample_vm(acme, number).id));
      CHECK(reader->tenant(acme).value().used.vms == VmCount{number});
    }
  });
}

TEST_CASE("a flood of one tenant's changes costs another at most one of them") {
  on_every_store(
      [](Store& store) {
        Gate gate(store);
        std::vector<std::future<std::string>> endings;
        std::string order;
        const auto note = [&](const TenantId& tenant, char letter) {
          endings.push_back(submit(store, tenant, [&order, letter](Tx&) {
            order += letter;
            return Verdict::drop;
          }));
        };
        for (int i = 0; i < 100; ++i) note(acme, 'a');
        note(zeta, 'z');
        note(zeta, 'z');
        gate.open();
        for (auto& ending : endings) ending.wait();
        CHECK(order.substr(0, 5) == "azaza");
        CHECK(order.size() == 102);
      },
      {.lane_max = 100, .one_thread = true});
}

TEST_CASE("a tenant's lane has an end, and another's is open then") {
  on_every_store(
      [](Store& store) {
        Gate gate(store);
        int answered = 0;
        const auto offer = [&](const TenantId& tenant) {
          return store.submit({.tenant = tenant,
                               .body = [](Tx&) { return Verdict::drop; },
                               .done = [&answered](std::exception_ptr) { ++answered; }});
        };
        for (int i = 0; i < 3; ++i) CHECK(offer(acme));
        CHECK(!offer(acme));
        CHECK(offer(zeta));
        CHECK(store.figures().refused_full == 1);
        CHECK(store.figures().waiting == 4);
        gate.open();
        store.stop();
        CHECK(answered == 4);
      },
      {.lane_max = 3, .one_thread = true});
}

TEST_CASE("stopping answers what was queued, then refuses; stopping twice is stopping once") {
  on_every_store(
      [](Store& store) {
        register_tenant(store, "acme");
        Gate gate(store);
        auto ending = submit(store, acme, [](Tx& tx) {
          create_vm(tx, acme, 1);
          return Verdict::commit;
        });
        gate.open();
        store.stop();
        store.stop();
        CHECK(ending.get().empty());
        CHECK(!store.submit(
            {.tenant = acme, .body = [](Tx&) { return Verdict::drop; }, .done = [](std::exception_ptr) {}}));
        CHECK_THROWS_AS(change(store, acme, [](Tx&) {}), StoreFailure);
        CHECK(store.open_reader()->vms(acme, {}).size() == 1);
      },
      {.one_thread = true});
}

class Listener final : public ChangeFeed {
 public:
  void tenant_changed(const Tenant& tenant) override {
    heard += tenant.id.text() + "@" + std::to_string(tenant.revision) + " ";
  }
  void missed() override { heard += "missed "; }
  std::string heard;
};

TEST_CASE("the listener hears of each changed tenant, with its new revision, before the answer") {
  on_every_engine([](Place& place) {
    Listener listener;
    const auto store = place.open();
    store->subscribe(listener);
    const auto heard = [&] { return std::exchange(listener.heard, {}); };
    register_tenant(*store, "acme");
    CHECK(heard() == "acme@1 ");
    change(*store, acme, [](Tx& tx) { create_vm(tx, acme, 1); });
    CHECK(heard() == "acme@2 ");
    change(*store, acme, [](Tx& tx) { tx.erase(acme, sample_vm(acme, 1).id); });
    CHECK(heard() == "acme@3 ");
    drop(*store, acme, [](Tx& tx) { create_vm(tx, acme, 2); });
    change(*store, acme, [](Tx& tx) { tx.append(sample_event(acme), noon); });
    CHECK(heard().empty());
    change(*store, acme,
           [](Tx& tx) { tx.insert({acme, RevocationKind::token, {}, noon, noon + std::chrono::hours(1)}); });
    CHECK(heard() == "acme@4 ");
    CHECK(store->open_reader()->tenant(acme).value().revision == 4);
    store->stop();
  });
}

}  // namespace
}  // namespace cadastre

// The store's contract: devices, nodes, challenges, sessions, links, counters and issuer keys.
#include <fmt/format.h>

#include "store/contract_test.h"

namespace cadastre {
namespace {

const TenantId acme = id_of("acme");
const TenantId zeta = id_of("zeta");

template <class Row>
std::string words_of_all(const std::vector<Row>& rows) {
  std::string words;
  for (const Row& row : rows) words += words_of(row) + '\n';
  return words;
}

/// What a reader sees of the row that a write names, and of a page of such rows.
struct Look {
  std::string one, all;
  friend bool operator==(const Look&, const Look&) = default;
};

template <class Row>
Look look(const std::optional<Row>& row, const std::vector<Row>& all = {}) {
  return {row ? words_of(*row) : "", words_of_all(all)};
}

/// What is counted after so many requests, one each 100 ms.
RateBudget rate_of(int requests) {
  RateBudget rate;
  for (int i = 0; i < requests; ++i) rate.admit(1000, noon + std::chrono::milliseconds(100 * i));
  return rate;
}

/// One kind of row: how it is written, replaced and removed, and how it is seen.
struct Kind {
  const char* name;
  std::function<void(Tx&)> put, replace, erase;
  std::function<Look(Reader&)> look;
  Look first, second;  // after `put`, after `replace`
};

std::vector<Kind> kinds() {
  const Device device = sample_device(acme, 1);
  Device pending = device;
  pending.state = DeviceState::pending;
  pending.token_id = pending.approved_by = "";
  pending.approved_at = std::nullopt;
  const Node node = sample_node(acme, 1);
  Node silent = node;
  silent.facts = {.hostname = "madrid.example"};
  silent.cordoned = false;
  silent.placed = {};
  silent.last_heartbeat = std::nullopt;
  const Challenge challenge = sample_challenge(acme, 1);
  Challenge tried = challenge;
  ++tried.wrong_attempts;
  tried.kind = ChallengeKind::enrolment;
  const Session session = sample_session(acme, 1);
  Session bare = session;
  bare.csrf_hash = {};
  bare.label.clear();
  bare.rids.clear();
  bare.keys.clear();
  bare.is_browser = false;
  const SeenLink link = sample_link(acme, 1);
  SeenLink later = link;
  later.last_seen = noon + std::chrono::hours(1);
  const SigningKey key = sample_signing_key(1);
  SigningKey fresh = key;
  fresh.state = SigningKeyState::next;
  fresh.activated_at = fresh.retired_at = fresh.revoked_at = std::nullopt;
  return {
      {"device", [=](Tx& tx) { tx.put(device); }, [=](Tx& tx) { tx.put(pending); },
       [=](Tx& tx) { tx.erase_device(acme, device.id); },
       [=](Reader& r) { return look(r.device(acme, device.id), r.devices(acme, {})); },
       look(std::optional(device), {device}), look(std::optional(pending), {pending})},
      {"node", [=](Tx& tx) { tx.put(node); }, [=](Tx& tx) { tx.put(silent); },
       [=](Tx& tx) { tx.erase_node(acme, node.id); },
       [=](Reader& r) { return look(r.node(acme, node.id), r.nodes(acme, {})); }, look(std::optional(node), {node}),
       look(std::optional(silent), {silent})},
      {"challenge", [=](Tx& tx) { tx.put(challenge); }, [=](Tx& tx) { tx.put(tried); },
       [=](Tx& tx) { tx.erase_challenge(acme, challenge.id); },
       [=](Reader& r) { return look(r.challenge(acme, challenge.id)); }, look(std::optional(challenge)),
       look(std::optional(tried))},
      {"session", [=](Tx& tx) { tx.put(session); }, [=](Tx& tx) { tx.put(bare); },
       [=](Tx& tx) { tx.erase_session(acme, session.id); },
       [=](Reader& r) { return look(r.session(acme, session.id), r.sessions(acme, {})); },
       look(std::optional(session), {session}), look(std::optional(bare), {bare})},
      {"link",
       [=](Tx& tx) { tx.put(link); },
       [=](Tx& tx) { tx.put(later); },
       {},
       [=](Reader& r) { return look(r.link(acme, link.rid), r.links(acme, {})); },
       look(std::optional(link), {link}),
       look(std::optional(later), {later})},
      {"signing key",
       [=](Tx& tx) { tx.put(key); },
       [=](Tx& tx) { tx.put(fresh); },
       {},
       [=](Reader& r) { return look(std::optional<SigningKey>(), r.signing_keys()); },
       look(std::optional<SigningKey>(), {key}),
       look(std::optional<SigningKey>(), {fresh})},
  };
}

/// Runs a body on each kind of row in an empty store with a tenant and the platform.
template <class Test>
void on_every_kind(Test test) {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    on_every_store([&](Store& store) {
      register_tenant(store, "");
      register_tenant(store, "acme");
      test(store, kind);
    });
  }
}

TEST_CASE("a row is read as it was written, replaced and erased, inside its transaction and by readers") {
  on_every_kind([](Store& store, const Kind& kind) {
    const auto reader = store.open_reader();
    CHECK(kind.look(*reader) == Look{});
    const auto write = [&](const std::function<void(Tx&)>& body, const Look& expected) {
      Look inside;
      change(store, acme, [&](Tx& tx) {
        kind.look(tx);
        body(tx);
        inside = kind.look(tx);
      });
      CHECK(inside == expected);
      CHECK(kind.look(*reader) == expected);
    };
    write(kind.put, kind.first);
    write(kind.replace, kind.second);
    if (kind.erase) write(kind.erase, {});
  });
}

TEST_CASE("a row that is written twice, or written and erased, in one transaction is as it was written last") {
  on_every_kind([](Store& store, const Kind& kind) {
    const auto reader = store.open_reader();
    change(store, acme, [&](Tx& tx) { kind.put(tx), kind.replace(tx); });
    CHECK(kind.look(*reader) == kind.second);
    if (!kind.erase) return;
    // Without asking first: the row of the transaction before is replaced, and then gone.
    change(store, acme, [&](Tx& tx) { kind.put(tx), kind.erase(tx); });
    CHECK(kind.look(*reader) == Look{});
    change(store, acme, [&](Tx& tx) { kind.put(tx), kind.erase(tx), kind.replace(tx); });
    CHECK(kind.look(*reader) == kind.second);
    CHECK_THROWS_AS(change(store, acme, [&](Tx& tx) { kind.erase(tx), kind.erase(tx); }), StoreFailure);
    CHECK(kind.look(*reader) == kind.second);
  });
}

TEST_CASE("a body that is dropped leaves no row, whether it asked for it meanwhile or not") {
  on_every_kind([](Store& store, const Kind& kind) {
    const auto reader = store.open_reader();
    drop(store, acme, kind.put);
    drop(store, acme, [&](Tx& tx) { kind.put(tx), kind.look(tx); });
    CHECK(kind.look(*reader) == Look{});
    change(store, acme, kind.put);
    drop(store, acme, [&](Tx& tx) { kind.replace(tx), kind.look(tx); });
    if (kind.erase) drop(store, acme, [&](Tx& tx) { kind.erase(tx), kind.look(tx); });
    change(store, acme, [&](Tx& tx) { CHECK(kind.look(tx) == kind.first); });
    CHECK(kind.look(*reader) == kind.first);
  });
}

TEST_CASE("rows are listed by id, page by page") {
  on_every_store([](Store& store) {
    register_tenant(store, "");
    register_tenant(store, "acme");
    change(store, acme, [](Tx& tx) {
      for (const std::uint8_t number : std::initializer_list<std::uint8_t>{3, 1, 2}) {
        tx.put(sample_device(acme, number));
        tx.put(sample_node(acme, number));
        tx.put(sample_session(acme, number));
        tx.put(sample_link(acme, number));
        tx.put(sample_signing_key(number));
      }
    });
    const auto reader = store.open_reader();
    const auto page = [](const auto& rows) { return words_of_all(rows); };
    CHECK(page(reader->devices(acme, {.after = "", .limit = 2})) ==
          page(std::vector{sample_device(acme, 1), sample_device(acme, 2)}));
    CHECK(page(reader->devices(acme, {.after = sample_device(acme, 2).id, .limit = 2})) ==
          page(std::vector{sample_device(acme, 3)}));
    CHECK(page(reader->nodes(acme, {.after = "", .limit = 2})) ==
          page(std::vector{sample_node(acme, 1), sample_node(acme, 2)}));
    CHECK(page(reader->nodes(acme, {.after = sample_node(acme, 2).id, .limit = 2})) ==
          page(std::vector{sample_node(acme, 3)}));
    CHECK(page(reader->sessions(acme, {.after = {}, .limit = 2})) ==
          page(std::vector{sample_session(acme, 1), sample_session(acme, 2)}));
    CHECK(page(reader->sessions(acme, {.after = sample_session(acme, 2).id, .limit = 2})) ==
          page(std::vector{sample_session(acme, 3)}));
    CHECK(page(reader->links(acme, {.after = {}, .limit = 2})) ==
          page(std::vector{sample_link(acme, 1), sample_link(acme, 2)}));
    CHECK(page(reader->links(acme, {.after = sample_link(acme, 2).rid, .limit = 2})) ==
          page(std::vector{sample_link(acme, 3)}));
    CHECK(page(reader->signing_keys()) ==
          page(std::vector{sample_signing_key(1), sample_signing_key(2), sample_signing_key(3)}));
  });
}

TEST_CASE("ids of devices and nodes are listed by their bytes") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    change(store, acme, [](Tx& tx) {
      for (const char* id : {"a", "B", "node-10", "node-2", "b"}) {
        Device device = sample_device(acme, 1);
        device.id = id;
        tx.put(device);
        Node node = sample_node(acme, 1);
        node.id = id;
        tx.put(node);
      }
    });
    const auto reader = store.open_reader();
    std::string devices, nodes;
    for (const Device& device : reader->devices(acme, {})) devices += device.id + ' ';
    for (const Node& node : reader->nodes(acme, {})) nodes += node.id + ' ';
    CHECK(devices == "B a b node-10 node-2 ");
    CHECK(nodes == devices);
  });
}

TEST_CASE("a node raises nothing in its tenant's row, and no sum of what is placed on it is below zero") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    const std::string before = words_of(reader->tenant(acme).value());
    change(store, acme, [](Tx& tx) { tx.put(sample_node(acme, 1)); });
    for (const Usage& wrong : {Usage{.vms = VmCount{-1}}, Usage{.storage = Gigabytes{-1}}, Usage{.ram = Mebibytes{-1}},
                               Usage{.vcpus = VcpuCount{-1}}}) {
      Node node = sample_node(acme, 1);
      node.placed = wrong;
      CHECK_THROWS_AS(change(store, acme, [&](Tx& tx) { tx.put(node); }), StoreFailure);
    }
    CHECK(words_of(reader->node(acme, "node-001").value()) == words_of(sample_node(acme, 1)));
    change(store, acme, [](Tx& tx) { tx.erase_node(acme, "node-001"); });
    CHECK(words_of(reader->tenant(acme).value()) == before);
  });
}

TEST_CASE("what gives access to one tenant does not exist for another") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    register_tenant(store, "zeta");
    const auto fill = [&](const TenantId& tenant) {
      change(store, tenant, [&](Tx& tx) {
        tx.put(sample_device(tenant, 1));
        tx.put(sample_node(tenant, 1));
        tx.put(sample_challenge(tenant, 1));
        tx.put(sample_session(tenant, 1));
        tx.put(sample_link(tenant, 1));
        tx.set_counter(tenant, CounterKind::vms, filled<32>(1), 5, std::nullopt);
        tx.set_caveat_rate(tenant, filled<32>(1), rate_of(5), noon);
      });
    };
    const auto is_empty = [](Reader& reader, const TenantId& tenant) {
      return !reader.device(tenant, sample_device(tenant, 1).id) && reader.devices(tenant, {}).empty() &&
             !reader.node(tenant, sample_node(tenant, 1).id) && reader.nodes(tenant, {}).empty() &&
             !reader.challenge(tenant, sample_challenge(tenant, 1).id) &&
             !reader.session(tenant, sample_session(tenant, 1).id) && reader.sessions(tenant, {}).empty() &&
             !reader.link(tenant, sample_link(tenant, 1).rid) && reader.links(tenant, {}).empty() &&
             reader.counter(tenant, CounterKind::vms, filled<32>(1)) == 0 &&
             reader.caveat_rate(tenant, filled<32>(1)) == RateBudget();
    };
    fill(acme);
    const auto reader = store.open_reader();
    CHECK(is_empty(*reader, zeta));
    CHECK(!is_empty(*reader, acme));
    change(store, zeta, [&](Tx& tx) { CHECK(is_empty(tx, zeta)); });
    CHECK(reader->tenant(zeta).value().access_changes == 0);
    const std::function<void(Tx&)> bodies[] = {
        [](Tx& tx) { tx.erase_device(zeta, sample_device(acme, 1).id); },
        [](Tx& tx) { tx.erase_node(zeta, sample_node(acme, 1).id); },
        [](Tx& tx) { tx.erase_challenge(zeta, sample_challenge(acme, 1).id); },
        [](Tx& tx) { tx.erase_session(zeta, sample_session(acme, 1).id); },
    };
    for (const auto& body : bodies) CHECK_THROWS_AS(change(store, zeta, body), StoreFailure);
    // The same ids may be used by both.
    fill(zeta);
    change(store, zeta, [](Tx& tx) { tx.erase_device(zeta, sample_device(zeta, 1).id); });
    change(store, zeta, [](Tx& tx) { tx.erase_node(zeta, sample_node(zeta, 1).id); });
    CHECK(reader->device(acme, sample_device(acme, 1).id));
    CHECK(reader->node(acme, sample_node(acme, 1).id));
  });
}

TEST_CASE("a write to a namespace that does not exist, or of a token that does not, is a failure") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const std::function<void(Tx&)> bodies[] = {
        [](Tx& tx) { tx.put(sample_device(zeta, 1)); },
        [](Tx& tx) { tx.put(sample_node(zeta, 1)); },
        [](Tx& tx) { tx.put(sample_challenge(zeta, 1)); },
        [](Tx& tx) { tx.put(sample_session(zeta, 1)); },
        [](Tx& tx) { tx.put(sample_link(zeta, 1)); },
        [](Tx& tx) { tx.put(sample_signing_key(1)); },
        [](Tx& tx) { tx.set_counter(zeta, CounterKind::vms, filled<32>(1), 1, std::nullopt); },
        [](Tx& tx) { tx.set_caveat_rate(zeta, filled<32>(1), rate_of(1), noon); },
        [](Tx& tx) { tx.mark_seen(acme, sample_token(acme, 1).id, noon); },
    };
    for (const auto& body : bodies) CHECK_THROWS_AS(change(store, acme, body), StoreFailure);
    change(store, acme, [](Tx& tx) {
      CHECK(!tx.device(zeta, "node-001"));
      CHECK(!tx.node(zeta, "node-001"));
      CHECK(tx.nodes(zeta, {}).empty());
      CHECK(!tx.challenge(zeta, filled<32>(1)));
      CHECK(tx.counter(zeta, CounterKind::vms, filled<32>(1)) == 0);
    });
  });
}

TEST_CASE("expired challenges of a tenant are forgotten when it gets a new one") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    register_tenant(store, "zeta");
    for (const TenantId& tenant : {acme, zeta}) {
      change(store, tenant, [&](Tx& tx) {
        tx.put(sample_challenge(tenant, 1));
        Challenge longer = sample_challenge(tenant, 2);
        longer.expires_at += std::chrono::seconds(1);
        tx.put(longer);
      });
    }
    const auto reader = store.open_reader();
    Challenge later = sample_challenge(acme, 3);
    later.created_at = sample_challenge(acme, 1).expires_at;
    later.expires_at = later.created_at + std::chrono::seconds(300);
    change(store, acme, [&](Tx& tx) { tx.put(later); });
    CHECK(!reader->challenge(acme, sample_challenge(acme, 1).id));
    CHECK(reader->challenge(acme, sample_challenge(acme, 2).id));
    CHECK(reader->challenge(acme, later.id));
    CHECK(reader->challenge(zeta, sample_challenge(zeta, 1).id));
  });
}

TEST_CASE("a counter is what it was set to, for each kind and element apart, and 0 when it was never set") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    const auto counted = [&](Reader& r, CounterKind kind) { return r.counter(acme, kind, filled<32>(1)); };
    CHECK(counted(*reader, CounterKind::vms) == 0);
    for (const std::int64_t value : {1, 7, 0, 0, 2}) {
      change(store, acme, [&](Tx& tx) {
        counted(tx, CounterKind::vms);
        tx.set_counter(acme, CounterKind::vms, filled<32>(1), value, std::nullopt);
        CHECK(counted(tx, CounterKind::vms) == value);
      });
      CHECK(counted(*reader, CounterKind::vms) == value);
      CHECK(counted(*reader, CounterKind::uses) == 0);
      CHECK(reader->counter(acme, CounterKind::vms, filled<32>(2)) == 0);
    }
    change(store, acme, [&](Tx& tx) {
      tx.set_counter(acme, CounterKind::vms, filled<32>(1), 9, std::nullopt);
      tx.set_counter(acme, CounterKind::vms, filled<32>(1), 0, std::nullopt);
    });
    CHECK(counted(*reader, CounterKind::vms) == 0);
    drop(store, acme, [&](Tx& tx) { tx.set_counter(acme, CounterKind::vms, filled<32>(1), 9, std::nullopt); });
    CHECK(counted(*reader, CounterKind::vms) == 0);
  });
}

TEST_CASE("a rate is what it was set to, for each element apart, and empty when it was never set") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    CHECK(reader->caveat_rate(acme, filled<32>(1)) == RateBudget());
    for (const int requests : {1, 300, 2}) {
      change(store, acme, [&](Tx& tx) {
        tx.caveat_rate(acme, filled<32>(1));
        tx.set_caveat_rate(acme, filled<32>(1), rate_of(7), noon);
        tx.set_caveat_rate(acme, filled<32>(1), rate_of(requests), noon);
        CHECK(tx.caveat_rate(acme, filled<32>(1)) == rate_of(requests));
      });
      CHECK(reader->caveat_rate(acme, filled<32>(1)) == rate_of(requests));
      CHECK(reader->caveat_rate(acme, filled<32>(2)) == RateBudget());
    }
    drop(store, acme, [&](Tx& tx) { tx.set_caveat_rate(acme, filled<32>(1), rate_of(9), noon); });
    CHECK(reader->caveat_rate(acme, filled<32>(1)) == rate_of(2));
  });
}

TEST_CASE("a token keeps when it was first and last seen, and a revocation beside that") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    IssuedToken token = sample_token(acme, 1);
    IssuedToken bare = sample_token(acme, 2);
    bare.parent = std::nullopt;
    change(store, acme, [&](Tx& tx) { tx.insert(token), tx.insert(bare); });
    CHECK(words_of(reader->token(acme, bare.id).value()) == words_of(bare));
    for (const int minute : {2, 3, 1}) {
      change(store, acme, [&](Tx& tx) { tx.mark_seen(acme, token.id, noon + std::chrono::minutes(minute)); });
    }
    token.first_seen = noon + std::chrono::minutes(2);
    token.last_seen = noon + std::chrono::minutes(3);
    CHECK(words_of(reader->token(acme, token.id).value()) == words_of(token));
    change(store, acme, [&](Tx& tx) { tx.mark_revoked(acme, token.id, noon, "boss"); });
    change(store, acme, [&](Tx& tx) { tx.mark_seen(acme, token.id, noon + std::chrono::minutes(4)); });
    token.revoked_at = noon;
    token.revoked_by = "boss";
    token.last_seen = noon + std::chrono::minutes(4);
    CHECK(words_of(reader->token(acme, token.id).value()) == words_of(token));
    IssuedToken used = sample_token(acme, 3);
    used.first_seen = used.last_seen = noon;
    change(store, acme, [&](Tx& tx) {
      tx.insert(sample_token(acme, 3));
      tx.mark_seen(acme, used.id, noon);
      CHECK(words_of(tx.token(acme, used.id).value()) == words_of(used));
    });
    CHECK(words_of(reader->token(acme, used.id).value()) == words_of(used));
  });
}

TEST_CASE("a VM keeps the elements that it is charged to") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    Vm vm = sample_vm(acme, 1);
    vm.charged_to = {filled<32>(1), filled<32>(2)};
    change(store, acme, [&](Tx& tx) { tx.insert(vm); });
    CHECK(words_of(reader->vm(acme, vm.id).value()) == words_of(vm));
    vm.charged_to.clear();
    change(store, acme, [&](Tx& tx) { tx.update(vm); });
    CHECK(words_of(reader->vm(acme, vm.id).value()) == words_of(vm));
  });
}

class Listener final : public ChangeFeed {
 public:
  void tenant_changed(const Tenant& tenant) override {
    heard += tenant.id.text() + "@" + std::to_string(endings(tenant)) + " ";
  }
  void missed() override {}
  std::string heard;
};

TEST_CASE("the listener hears of each change of a device or a signing key, and of no other here") {
  on_every_engine([](Place& place) {
    Listener listener;
    const auto store = place.open();
    store->subscribe(listener);
    register_tenant(*store, "");
    register_tenant(*store, "acme");
    const auto heard_of = [&](const std::function<void(Tx&)>& body) {
      listener.heard.clear();
      change(*store, acme, body);
      return listener.heard;
    };
    change(*store, acme, [](Tx& tx) { tx.insert(sample_token(acme, 1)); });
    CHECK(heard_of([](Tx& tx) { tx.put(sample_device(acme, 1)); }) == "acme@1 ");
    CHECK(heard_of([](Tx& tx) { tx.put(sample_device(acme, 1)); }) == "acme@2 ");
    CHECK(heard_of([](Tx& tx) { tx.erase_device(acme, sample_device(acme, 1).id); }) == "acme@3 ");
    CHECK(heard_of([](Tx& tx) { tx.put(sample_signing_key(1)); }) == "@1 ");
    const auto revision = store->open_reader()->tenant(acme).value().revision;
    CHECK(heard_of([](Tx& tx) {
            tx.put(sample_challenge(acme, 1));
            tx.erase_challenge(acme, sample_challenge(acme, 1).id);
            tx.put(sample_session(acme, 1));
            tx.erase_session(acme, sample_session(acme, 1).id);
            tx.put(sample_link(acme, 1));
            tx.set_counter(acme, CounterKind::uses, filled<32>(1), 1, noon);
            tx.set_caveat_rate(acme, filled<32>(1), rate_of(1), noon);
            tx.mark_seen(acme, sample_token(acme, 1).id, noon);
          }).empty());
    const Tenant row = store->open_reader()->tenant(acme).value();
    CHECK(row.revision == revision);
    CHECK(row.access_changes == 3);
    CHECK(row.revocations == 0);
    store->stop();
  });
}

}  // namespace
}  // namespace cadastre

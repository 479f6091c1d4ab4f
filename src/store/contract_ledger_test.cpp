// The store's contract: logs without gaps, and what was published of them.
#include "ledger/event.h"
#include "ledger/merkle.h"
#include "store/contract_test.h"

namespace cadastre {
namespace {

const TenantId acme = id_of("acme");
const TenantId zeta = id_of("zeta");

void append(Store& store, const TenantId& tenant, EventType type, Instant now) {
  change(store, tenant, [&](Tx& tx) { tx.append(sample_event(tenant, type), now); });
}

std::string tenants_of(const std::vector<LogState>& logs) {
  std::string names;
  for (const LogState& log : logs) names += log.tenant.text() + ' ';
  return names;
}

TEST_CASE("a leaf is stored as the bytes that were hashed, under the log's head") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    std::uint64_t seq = 0;
    change(store, acme, [&](Tx& tx) {
      seq = tx.append(sample_event(acme), noon);
      CHECK(tx.log_head(acme).value().size == 2);
      CHECK(tx.leaves(acme, {}).size() == 2);
    });
    CHECK(seq == 1);
    const auto reader = store.open_reader();
    const auto head = reader->log_head(acme).value();
    CHECK(head.size == 2);
    CHECK(head.last_ts == noon);
    CHECK(head.log_id == sample_tenant("acme").log_id);
    const auto leaves = reader->leaves(acme, {});
    REQUIRE(leaves.size() == 2);
    CHECK(leaves[1].bytes == ledger::encode_leaf(head.log_id, 1, noon, sample_event(acme)));
    CHECK(leaves[1].hash == ledger::leaf_hash(as_bytes(leaves[1].bytes)));
    CHECK(leaves[0].type == EventType::tenant_created);
    CHECK(!reader->log_head(zeta));
  });
}

TEST_CASE("seq has no gaps and ts never goes back, though the clock does and bodies are dropped") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto later = noon + std::chrono::seconds(10);
    append(store, acme, EventType::vm_created, later);
    drop(store, acme, [&](Tx& tx) { tx.append(sample_event(acme), later + std::chrono::seconds(1)); });
    append(store, acme, EventType::vm_created, noon - std::chrono::hours(1));
    const auto leaves = store.open_reader()->leaves(acme, {});
    REQUIRE(leaves.size() == 3);
    for (std::size_t i = 0; i < leaves.size(); ++i) CHECK(leaves[i].seq == i);
    CHECK(leaves[1].ts == later);
    CHECK(leaves[2].ts == later);
  });
}

TEST_CASE("leaves are found by seq, type and time, from either end") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    for (int i = 1; i < 10; ++i) {
      append(store, acme, i % 2 == 0 ? EventType::vm_deleted : EventType::vm_created, noon + std::chrono::seconds(i));
    }
    const auto reader = store.open_reader();
    const auto seqs = [&](const LeafQuery& query) {
      std::string text;
      for (const Leaf& leaf : reader->leaves(acme, query)) text += std::to_string(leaf.seq);
      return text;
    };
    LeafQuery query;
    CHECK(seqs(query) == "0123456789");
    query.order = Order::descending;
    query.limit = 3;
    CHECK(seqs(query) == "987");
    query = {};
    query.from = 2;
    query.to = 5;
    CHECK(seqs(query) == "234");
    query = {};
    query.types = {EventType::vm_deleted, EventType::tenant_created};
    CHECK(seqs(query) == "02468");
    query = {};
    query.since = noon + std::chrono::seconds(3);
    CHECK(seqs(query) == "3456789");
    query.until = noon + std::chrono::seconds(5);
    CHECK(seqs(query) == "34");
    query.order = Order::descending;
    CHECK(seqs(query) == "43");
    query.from = 4;
    CHECK(seqs(query) == "4");
    query.since = noon + std::chrono::hours(1);
    CHECK(seqs(query).empty());
    query = {};
    query.until = noon;
    CHECK(seqs(query).empty());
    query.until = noon + std::chrono::hours(1);
    CHECK(seqs(query) == "0123456789");
    CHECK(reader->leaves(zeta, query).empty());
  });
}

TEST_CASE("publishing is a compare-and-swap on the published size") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    CHECK(!reader->checkpoint(acme));
    const auto publish = [&](std::uint64_t size, std::uint64_t expected) {
      bool done = false;
      change(store, acme, [&](Tx& tx) { done = tx.publish(sample_checkpoint(acme, size), expected); });
      return done;
    };
    CHECK(!publish(1, 1));
    CHECK(publish(1, 0));
    CHECK(!publish(2, 0));
    CHECK(reader->checkpoint(acme).value().size == 1);
    CHECK(publish(2, 1));
    const auto found = reader->checkpoint(acme).value();
    const auto wanted = sample_checkpoint(acme, 2);
    CHECK(found.tenant == acme);
    CHECK(found.size == 2);
    CHECK(found.root == wanted.root);
    CHECK(found.note == wanted.note);
    CHECK(found.log_id == wanted.log_id);
  });
}

TEST_CASE("logs are listed by tenant, the platform's first, with what was published of them") {
  on_every_store([](Store& store) {
    for (const char* id : {"zeta", "", "acme"}) register_tenant(store, id);
    change(store, acme, [](Tx& tx) { tx.publish(sample_checkpoint(acme, 1), 0); });
    const auto reader = store.open_reader();
    CHECK(tenants_of(reader->logs(std::nullopt, 10)) == " acme zeta ");
    CHECK(tenants_of(reader->logs(std::nullopt, 1)) == " ");
    CHECK(tenants_of(reader->logs(TenantId::platform(), 1)) == "acme ");
    CHECK(tenants_of(reader->logs(acme, 10)) == "zeta ");
    const auto log = reader->logs(TenantId::platform(), 1).at(0);
    CHECK(log.head.size == 1);
    CHECK(log.head.log_id == sample_tenant("acme").log_id);
    CHECK(log.vkey == sample_tenant("acme").vkey);
    CHECK(log.published_size == 1);
  });
}

TEST_CASE("the unpublished logs are those whose head is beyond the checkpoint, after a restart too") {
  on_every_engine([](Place& place) {
    {
      const auto store = place.open();
      const auto reader = store->open_reader();
      CHECK(reader->unpublished_logs(10).empty());
      for (const char* id : {"zeta", "acme", "beta"}) register_tenant(*store, id);
      CHECK(reader->unpublished_logs(10).size() == 3);
      CHECK(reader->unpublished_logs(2).size() == 2);
      change(*store, acme, [](Tx& tx) { tx.publish(sample_checkpoint(acme, 1), 0); });
      change(*store, zeta, [](Tx& tx) {
        tx.append(sample_event(zeta), noon);
        tx.publish(sample_checkpoint(zeta, 1), 0);
      });
      drop(*store, acme, [](Tx& tx) { tx.append(sample_event(acme), noon); });
      CHECK(tenants_of(reader->unpublished_logs(10)) == "beta zeta ");
      CHECK(reader->unpublished_logs(10).at(1).published_size == 1);
      append(*store, acme, EventType::vm_created, noon);
      CHECK(reader->unpublished_logs(10).size() == 3);
    }
    // Which waits longest an engine may have forgotten.
    const auto store = place.open();
    CHECK(store->open_reader()->unpublished_logs(10).size() == 3);
    CHECK(place.open_from_outside()->unpublished_logs(10).size() == 3);
  });
}

TEST_CASE("of many unpublished logs the one that waits longest comes first, so that none is passed over") {
  on_every_store([](Store& store) {
    for (const char* id : {"acme", "zeta"}) register_tenant(store, id);
    const auto reader = store.open_reader();
    CHECK(tenants_of(reader->unpublished_logs(1)) == "acme ");
    change(store, acme, [](Tx& tx) { tx.publish(sample_checkpoint(acme, 1), 0); });
    append(store, acme, EventType::vm_created, noon);
    CHECK(tenants_of(reader->unpublished_logs(1)) == "zeta ");
  });
}

}  // namespace
}  // namespace cadastre

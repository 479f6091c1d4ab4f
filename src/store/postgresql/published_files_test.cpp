// Who publishes, and under which number what is written (service/publication_port.h).
#include "store/postgresql/published_files.h"

#include <algorithm>
#include <array>
#include <thread>

#include "store/contract_test.h"
#include "store/postgresql/postgresql_store.h"
#include "store/postgresql/test_proxy.h"

namespace cadastre {
namespace {

using postgresql::TestProxy;
using postgresql::TestSchema;

const TenantId acme = id_of("acme");
const LogId log_id{7};

PublishedFile file(std::string path, std::string_view bytes) { return {acme, log_id, std::move(path), bytes}; }

/// One process on the database.
struct Replica {
  explicit Replica(const TestSchema& schema) : Replica(schema.url()) {}
  explicit Replica(const std::string& url) : store(open_postgresql_store({.url = url})) {}
  FileFailures create(const std::vector<PublishedFile>& files) { return tiles->create(files); }
  FileFailures replace(const std::vector<PublishedFile>& files) { return tiles->replace(files); }
  bool publishes(std::uint64_t size, std::uint64_t before) {
    bool is_published = false;
    change(*store, acme, [&](Tx& tx) {
      is_published = tx.publish({.tenant = acme, .log_id = log_id, .size = size, .root = {}, .note = "note"}, before);
    });
    return is_published;
  }
  std::unique_ptr<Store> store;
  std::unique_ptr<TileStore> tiles = store->open_tiles();
  std::unique_ptr<PublisherLease> lease = store->open_publisher_lease();
};

/// As the time does.
void end_lease(const TestSchema& schema) { schema.sql("UPDATE publisher_lease SET expires_at = 0"); }

TEST_CASE("one process at a time has the lease, and who has lost it can write nothing") {
  const TestSchema schema;
  Replica first(schema), second(schema);
  register_tenant(*first.store, "acme");
  CHECK(first.lease->take());
  CHECK(first.lease->take());
  CHECK(!second.lease->take());
  CHECK_THROWS_AS((void)second.create({file("tile/0/000", "x")}), StoreFailure);
  CHECK(!first.create({file("tile/0/000", "x")})[0]);
  CHECK(first.publishes(1, 0));
  end_lease(schema);
  CHECK(second.lease->take());
  CHECK_THROWS_AS((void)first.create({file("tile/0/001", "x")}), StoreFailure);
  CHECK_THROWS_AS((void)first.replace({file("checkpoint", "old")}), StoreFailure);
  CHECK_THROWS_AS(first.tiles->remove(acme, log_id, "tile/0"), StoreFailure);
  CHECK_THROWS_AS((void)first.publishes(2, 1), StoreFailure);
  CHECK(!first.tiles->read(acme, log_id, "checkpoint"));
  CHECK(first.tiles->read(acme, log_id, "tile/0/000") == "x");
  CHECK(!second.replace({file("checkpoint", "new")})[0]);
  CHECK(second.publishes(2, 1));
  second.lease->release();
  CHECK(first.lease->take());
}

TEST_CASE("who has lost the lease does not get it back by keeping it, but under a new number") {
  const TestSchema schema;
  Replica first(schema), second(schema);
  const auto before = first.lease->take();
  REQUIRE(before);
  CHECK(first.lease->take() == before);
  CHECK(first.lease->keep());
  end_lease(schema);
  CHECK(first.lease->confirm());
  end_lease(schema);
  REQUIRE(second.lease->take());
  second.lease->release();
  CHECK(!first.lease->confirm());
  CHECK(!first.lease->keep());
  CHECK_THROWS_AS((void)first.create({file("tile/0/000", "x")}), StoreFailure);
  CHECK(first.lease->take().value() > *before);
  CHECK(!first.create({file("tile/0/000", "x")})[0]);
}

TEST_CASE("a lease from before the database's clock was set back does not outlast it") {
  const TestSchema schema;
  Replica first(schema), second(schema);
  REQUIRE(first.lease->take());
  CHECK(!second.lease->take());
  schema.sql("UPDATE publisher_lease SET expires_at = expires_at + 3600000");
  CHECK(second.lease->take());
  CHECK(!first.lease->confirm());
}

TEST_CASE("who writes keeps the lease, and changes beside it go on") {
  const TestSchema schema;
  Replica first(schema), second(schema);
  register_tenant(*first.store, "acme");
  REQUIRE(first.lease->take());
  end_lease(schema);
  CHECK(!first.create({file("tile/0/000", "x")})[0]);
  CHECK(!second.lease->take());
  change(*second.store, acme, [](Tx& tx) { CHECK(create_vm(tx, acme, 1)); });
}

TEST_CASE("who stands still while it sends files keeps nobody from taking the lease, and writes nothing afterwards") {
  const std::string long_file(1U << 20U, 'x');
  for (const std::string statement : {"create_files", "replace_files"}) {
    CAPTURE(statement);
    const TestSchema schema;
    TestProxy proxy;
    Replica frozen(proxy.url(schema)), other(schema);
    REQUIRE(frozen.lease->take());
    proxy.hold_at(statement);
    std::thread sender([&] {
      const std::vector files = {file("checkpoint", long_file)};
      CHECK_THROWS_AS((void)(statement == "create_files" ? frozen.create(files) : frozen.replace(files)), StoreFailure);
    });
    while (!proxy.is_holding()) rest_for(std::chrono::milliseconds(1));
    CHECK_NOTHROW(end_lease(schema));
    CHECK_NOTHROW(CHECK(other.lease->take()));
    CHECK_NOTHROW(CHECK(!other.replace({file("checkpoint", "new")})[0]));
    proxy.let_go();
    sender.join();
    CHECK(other.tiles->read(acme, log_id, "checkpoint") == "new");
  }
}

TEST_CASE("a file is created once, replaced whole, listed and removed with its folder") {
  const TestSchema schema;
  Replica one(schema);
  REQUIRE(one.lease->take());
  const auto twice = [&](std::string_view bytes) {
    return one.create({file("tile/0/000.p/1", bytes), file("tile/0/000.p/2", "two"), file("tile/0/000", "full")});
  };
  for (const auto& failure : twice("one")) CHECK(!failure);
  for (const auto& failure : twice("one")) CHECK(!failure);
  const auto failures = twice("other");
  CHECK(failures[0]);
  CHECK(!failures[1]);
  CHECK(one.tiles->read(acme, log_id, "tile/0/000.p/1") == "one");
  CHECK(one.tiles->read(TenantId::platform(), log_id, "tile/0/000.p/1") == std::nullopt);
  CHECK(one.tiles->read(acme, LogId{8}, "tile/0/000.p/1") == std::nullopt);
  auto names = one.tiles->list(acme, log_id, "tile/0/000.p");
  std::ranges::sort(names);
  CHECK(names == std::vector<std::string>{"1", "2"});
  CHECK(one.tiles->list(acme, log_id, "tile/0") == std::vector<std::string>{"000"});
  one.tiles->remove(acme, log_id, "tile/0/000.p");
  CHECK(one.tiles->list(acme, log_id, "tile/0/000.p").empty());
  CHECK(one.tiles->read(acme, log_id, "tile/0/000") == "full");
  const std::string zeroes("a\0b", 3);
  CHECK(!one.replace({file("checkpoint", zeroes)})[0]);
  CHECK(open_postgresql_tiles(schema.url())->read(acme, log_id, "checkpoint") == zeroes);
  CHECK_THROWS_AS((void)one.tiles->read(acme, log_id, "../x"), StoreFailure);
}

TEST_CASE("what was put in place is told to each process once, in order, page by page") {
  const TestSchema schema;
  Replica first(schema), second(schema);
  REQUIRE(first.lease->take());
  const TenantId zeta = id_of("zeta");
  for (const std::string bytes : {"1", "2"}) {
    CHECK(first.replace({file("checkpoint", bytes), {zeta, log_id, "checkpoint", bytes}}).size() == 2);
  }
  for (Replica* const each : {&first, &second}) {
    auto page = each->lease->shown(1);
    REQUIRE(page.size() == 1);
    CHECK(page[0].tenant == acme);
    CHECK(page[0].note == "2");
    page = each->lease->shown(5);
    REQUIRE(page.size() == 1);
    CHECK(page[0].tenant == zeta);
    CHECK(each->lease->shown(5).empty());
  }
  CHECK(first.replace({file("checkpoint", "3")}).size() == 1);
  CHECK(second.lease->shown(5).at(0).note == "3");
}

}  // namespace
}  // namespace cadastre

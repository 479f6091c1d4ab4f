#include "store/sqlite/sqlite_store.h"

#include <sys/stat.h>

#include <set>

#include "base/test_folder.h"
#include "store/contract_test.h"
#include "store/sqlite/migration.h"
#include "store/sqlite/statement.h"

namespace cadastre {
namespace {

using sqlite::Connection;
using sqlite::Query;

const TenantId acme = id_of("acme");

unsigned mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

std::unique_ptr<Store> open_in(const TestFolder& folder) { return open_sqlite_store({.directory = folder / "data"}); }

/// As an operator's shell would, when nobody else has the file open.
void run_sql(const TestFolder& folder, const std::string& sql) {
  Connection::open_writer(folder / "data/cadastre.db", {}).execute(sql);
}

TEST_CASE("the data directory and the database are their owner's alone") {
  const TestFolder folder;
  const auto store = open_in(folder);
  register_tenant(*store, "acme");
  CHECK(mode_of(folder / "data") == 0700);
  for (const char* name : {"data/cadastre.db", "data/cadastre.db-wal", "data/lock"}) {
    CAPTURE(name);
    CHECK(mode_of(folder / name) == 0600);
  }
}

TEST_CASE("a directory that is open is refused to a second store, by name, and free again after the first") {
  const TestFolder folder;
  {
    const auto store = open_in(folder);
    CHECK_THROWS_WITH_AS(open_in(folder), doctest::Contains((folder / "data").c_str()), StoreFailure);
  }
  CHECK_NOTHROW(open_in(folder));
}

TEST_CASE("a schema from a newer program is refused by the store and by readers") {
  const TestFolder folder;
  open_in(folder).reset();
  run_sql(folder, "PRAGMA user_version=1000");
  CHECK_THROWS_WITH_AS(open_in(folder), doctest::Contains("1000"), StoreFailure);
  CHECK_THROWS_WITH_AS(open_sqlite_reader(folder / "data"), doctest::Contains("1000"), StoreFailure);
}

TEST_CASE("a reader from outside refuses what is no store") {
  const TestFolder folder;
  CHECK_THROWS_WITH_AS(open_sqlite_reader(folder / "data"), doctest::Contains("there is no database"), StoreFailure);
  write_bytes(folder / "data/cadastre.db", "");
  CHECK_THROWS_WITH_AS(open_sqlite_reader(folder / "data"), doctest::Contains("no schema"), StoreFailure);
  write_bytes(folder / "data/cadastre.db", std::string(4096, 'x'));
  CHECK_THROWS_AS(open_sqlite_reader(folder / "data"), StoreFailure);
}

TEST_CASE("a reader from outside works while the store runs and when it is stopped, and can change nothing") {
  const TestFolder folder;
  {
    const auto store = open_in(folder);
    register_tenant(*store, "acme");
    const auto outside = open_sqlite_reader(folder / "data");
    CHECK(outside->tenant(acme));
    register_tenant(*store, "zeta");
    CHECK(outside->tenant(id_of("zeta")));
  }
  CHECK(open_sqlite_reader(folder / "data")->tenant(acme));
  const auto connection = Connection::open_reader(folder / "data/cadastre.db", {});
  CHECK_THROWS_AS(connection.execute("DELETE FROM vm"), StoreFailure);
}

TEST_CASE("a stopped store leaves everything in the one file") {
  const TestFolder folder;
  {
    const auto store = open_in(folder);
    register_tenant(*store, "acme");
  }
  std::filesystem::remove(folder / "data/cadastre.db-wal");
  std::filesystem::remove(folder / "data/cadastre.db-shm");
  CHECK(open_in(folder)->open_reader()->tenant(acme));
}

TEST_CASE("a leaf of the ledger is neither updated nor deleted") {
  const TestFolder folder;
  {
    const auto store = open_in(folder);
    register_tenant(*store, "acme");
  }
  for (const char* sql : {"UPDATE ledger_leaf SET bytes = ''", "DELETE FROM ledger_leaf"}) {
    CAPTURE(sql);
    CHECK_THROWS_WITH_AS(run_sql(folder, sql), doctest::Contains("a ledger leaf is never"), StoreFailure);
  }
  CHECK(open_in(folder)->open_reader()->leaves(acme, {}).size() == 1);
}

TEST_CASE("every table's key begins with the tenant, and its rows lie in the order of the key") {
  const TestFolder folder;
  open_in(folder).reset();
  Connection connection = Connection::open_reader(folder / "data/cadastre.db", {});
  // The settings are the deployment's own: they belong to no tenant and no request reads them.
  const std::set<std::string> without_tenant = {"setting"};
  // Leaves are long and never change: they lie in the order in which they came, under an index of their key.
  const std::set<std::string> in_order_of_arrival = {"ledger_leaf"};
  // Along which the sweep of ended sessions goes.
  const std::set<std::string> across_tenants = {"session_by_end", "caveat_counter_by_end", "caveat_rate_by_end"};
  Query tables(connection,
               "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
               "AND name NOT LIKE 'sqlite_%'");
  Query first_of_key(connection, "SELECT name FROM pragma_table_info(?1) WHERE pk = 1");
  Query indexes(connection,
                "SELECT i.name, l.name FROM pragma_index_list(?1) l, pragma_index_info(l.name) i WHERE i.seqno = 0");
  int seen = 0;
  auto rows = tables();
  for (; rows.next(); ++seen) {
    const std::string table = rows.text(0);
    CAPTURE(table);
    CHECK((rows.integer(1) == 1) == !in_order_of_arrival.contains(table));
    if (without_tenant.contains(table)) continue;
    auto key = first_of_key(table);
    REQUIRE(key.next());
    CHECK(key.text(0) == "tenant_id");
    auto columns = indexes(table);
    while (columns.next()) CHECK((columns.text(0) == "tenant_id") != across_tenants.contains(columns.text(1)));
  }
  CHECK(seen >= 8);
}

TEST_CASE("the migrations are numbered from 1 without a gap") {
  int expected = 1;
  for (const sqlite::Migration& step : sqlite::migrations()) CHECK(step.number == expected++);
}

TEST_CASE("a database from before there were nodes keeps its VMs and takes nodes") {
  const TestFolder folder;
  std::filesystem::create_directories(folder / "data");
  constexpr int before_nodes = 5;
  for (const sqlite::Migration& step : sqlite::migrations()) {
    if (step.number <= before_nodes) run_sql(folder, step.sql);
  }
  run_sql(folder,
          "PRAGMA user_version=5;"
          "INSERT INTO tenant VALUES ('acme', '', 0, 9, 9, NULL, NULL, 9, 1, 0, zeroblob(16), '', 0, 0, '', 0);"
          "INSERT INTO tenant_usage VALUES ('acme', 2, 16, 2, 2, 1, 0, 0);"
          "INSERT INTO vm VALUES ('acme', x'00000000000000000000000000000001', 'bare', '', 0, 0, 1, 1, 8, 0, 1, NULL, "
          "NULL, NULL, NULL, NULL), ('acme', x'00000000000000000000000000000002', 'kvm', '', 0, 0, 1, 1, 8, 0, 1, "
          "'east', NULL, NULL, '{\"prefer_kvm\":true}', NULL);");
  const auto store = open_in(folder);
  const auto reader = store->open_reader();
  const auto vms = reader->vms(acme, {});
  REQUIRE(vms.size() == 2);
  for (const Vm& vm : vms) CHECK(std::pair(vm.generation, vm.reboots) == std::pair<std::int64_t, std::int64_t>(1, 0));
  CHECK(vms[1].prefer_kvm);
  CHECK(reader->nodes(acme, {}).empty());
  change(*store, acme, [](Tx& tx) { tx.put(sample_node(acme, 1)); });
  CHECK(words_of(reader->node(acme, "node-001").value()) == words_of(sample_node(acme, 1)));
}

TEST_CASE("a database from before revocations were numbered has them numbered, and learns when counts may go") {
  const TestFolder folder;
  std::filesystem::create_directories(folder / "data");
  constexpr int before_numbers = 7;
  for (const sqlite::Migration& step : sqlite::migrations()) {
    if (step.number <= before_numbers) run_sql(folder, step.sql);
  }
  run_sql(
      folder,
      "PRAGMA user_version=7;"
      "INSERT INTO revocation VALUES ('acme', 1, x'0505050505050505050505050505050505050505050505050505050505050505', "
      "20, 0), ('acme', 0, x'0404040404040404040404040404040404040404040404040404040404040404', 20, 0), "
      "('acme', 0, x'0909090909090909090909090909090909090909090909090909090909090909', 10, 0), ('zeta', 0, "
      "x'0707070707070707070707070707070707070707070707070707070707070707', 30, 0);"
      "INSERT INTO caveat_counter VALUES ('acme', 1, "
      "x'0101010101010101010101010101010101010101010101010101010101010101', 3), ('acme', 0, "
      "x'0101010101010101010101010101010101010101010101010101010101010101', 3), "
      "('acme', 1, x'0202020202020202020202020202020202020202020202020202020202020202', 3);"
      "INSERT INTO caveat_rate VALUES ('acme', x'0303030303030303030303030303030303030303030303030303030303030303', "
      "x'');"
      "INSERT INTO seen_link VALUES ('acme', x'0101010101010101010101010101010101010101010101010101010101010101', '', "
      "x'', x'', '', x'', '', 1, 0, 0, 1000, 0, 0);"
      "INSERT INTO token VALUES ('acme', x'', x'0303030303030303030303030303030303030303030303030303030303030303', '', "
      "x'', '', '', '', '', 1, 0, 0, '', x'', 0, 0, 2000, '', "
      "NULL, '', NULL, NULL, NULL, '');");
  const auto store = open_in(folder);
  const auto reader = store->open_reader();
  using Ids = std::vector<Bytes<32>>;
  CHECK(reader->revoked_after(acme, 0, 10) == Ids{filled<32>(9), filled<32>(4), filled<32>(5)});
  CHECK(reader->revoked_after(id_of("zeta"), 0, 10) == Ids{filled<32>(7)});
  const auto first = reader->expired_bearers(instant_from_ms(1000), 10);
  REQUIRE(first.size() == 1);
  CHECK(first[0].rid == filled<32>(1));
  CHECK(reader->expired_bearers(noon, 10).size() == 2);  // and not the one of which nothing is known
}

TEST_CASE("a failing migration leaves the schema before it") {
  const TestFolder folder;
  std::filesystem::create_directories(folder / "data");
  run_sql(folder, "CREATE TABLE vm (x)");
  CHECK_THROWS_AS(open_in(folder), StoreFailure);
  auto connection = Connection::open_reader(folder / "data/cadastre.db", {});
  CHECK(connection.integer("SELECT count(*) FROM sqlite_schema") == 1);
  CHECK(connection.integer("PRAGMA user_version") == 0);
}

TEST_CASE("a writer that holds few tenants in memory counts as exactly as one that holds all") {
  const TestFolder folder;
  const auto store = open_sqlite_store({.directory = folder / "data", .tenants_cached_max = 2});
  const char* names[] = {"a", "b", "c", "d", "e"};
  for (const char* name : names) register_tenant(*store, name);
  for (std::uint32_t i = 0; i < 50; ++i) {
    const TenantId tenant = id_of(names[i % 5]);
    change(*store, tenant, [&](Tx& tx) { create_vm(tx, tenant, i); });
  }
  for (const char* name : names) CHECK(agrees(store->open_reader()->recount(id_of(name))));
}

TEST_CASE("expired idempotent answers are swept away as new ones come") {
  const TestFolder folder;
  const auto store = open_in(folder);
  register_tenant(*store, "acme");
  for (int i = 0; i < 200; ++i) {
    const Instant now = noon + std::chrono::hours(i);
    change(*store, acme, [&](Tx& tx) {
      const auto answer = sample_answer(static_cast<std::uint8_t>(i), now + std::chrono::hours(24));
      tx.idempotent_answer(acme, answer.key, now);
      tx.record(acme, answer);
    });
  }
  const auto connection = Connection::open_reader(folder / "data/cadastre.db", {});
  CHECK(connection.integer("SELECT count(*) FROM idempotency") <= 2 * 24 + 2);
}

}  // namespace
}  // namespace cadastre

// Law 9 (docs/DESIGN.md): the tenant comes first, in every key of the schema and in every statement that is sent.
#include <map>
#include <regex>
#include <set>
#include <thread>

#include "store/postgresql/migration.h"
#include "store/postgresql/postgresql_store.h"
#include "store/postgresql/test_cluster.h"

namespace cadastre::postgresql {
namespace {

/// About the transaction, not about rows.
const std::set<Sql> about_no_row = {
    Sql::begin,
    Sql::commit,
    Sql::rollback,
    Sql::savepoint,
    Sql::release_savepoint,
    Sql::rollback_to_savepoint,
    Sql::transaction_id,
    Sql::transaction_status,
    Sql::notify,
    Sql::time_now,
};

/// The only statements about more than the tenants they name, and why each may be. No request waits for one of them but
/// for the operator's list of tenants.
const std::map<Sql, const char*> of_the_deployment = {
    {Sql::tenants_after, "the operator's list of tenants, page by page along the key"},
    {Sql::first_logs, "the start check and service-fs walk through all logs along the key"},
    {Sql::logs_after, "the same, from one page to the next"},
    {Sql::unpublished_logs, "the publisher takes the logs that wait longest, from a small table of those that wait"},
    {Sql::ended_sessions, "the sweep of sessions whose time is over, along an index of its own"},
    {Sql::all_sessions, "the sweep of sessions under administrators' tokens that were revoked, along the key"},
    {Sql::expired_bearers, "the sweep of what was counted for tokens that have ended, along indexes of its own"},
    {Sql::next_waiting_tenant, "who waits for the shared pool, from a small index of those that wait"},
    {Sql::all_pool_news, "what is to be settled with the shared pool, from a small table of its own"},
    {Sql::all_pool_reservations, "the regular comparison of the pool's room with the VMs on it, along the key"},
    {Sql::sweep_answers, "forgets expired answers, a few rows at a time along the key"},
    {Sql::mark_commit, "one row of each writing thread"},
    {Sql::find_commit, "the same row"},
    {Sql::forget_commits, "those of threads that have ended"},
    {Sql::end_frozen_senders, "sessions of the database, after a lock was waited for in vain"},
    {Sql::find_setting, "names of the deployment, read at start"},
    {Sql::put_settings, "names of the deployment, written at the first start"},
    {Sql::changes_of_others, "the news of the last minute, from a small table of their own"},
    {Sql::forget_changes, "keeps that table small"},
    {Sql::take_lease, "one row says who publishes"},
    {Sql::keep_lease, "the same row"},
    {Sql::leave_lease, "the same row"},
    {Sql::last_showing, "the same row"},
    {Sql::count_showing, "the same row"},
    {Sql::shown_checkpoints, "the other processes follow what was put in place, along an index of its own"},
};

/// The tables without a tenant: they belong to the deployment, and no request reads them.
const std::set<std::string> without_tenant = {"setting", "schema_migration", "publisher_lease", "commit_mark"};

/// Along which the deployment's own questions go.
const std::set<std::string> across_tenants = {"published_file.published_file_shown",
                                              "caveat_counter.caveat_counter_by_end", "caveat_rate.caveat_rate_by_end"};

struct Migrated {
  TestSchema schema;
  Connection connection{schema.url()};
  Migrated() { migrate(connection); }
};

TEST_CASE("every key and index of every table begins with the tenant") {
  Migrated database;
  const auto firsts = database.connection.lines(
      "SELECT c.relname || '.' || i.relname || ' ' || a.attname FROM pg_index x JOIN pg_class i ON i.oid = "
      "x.indexrelid "
      "JOIN pg_class c ON c.oid = x.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0] "
      "WHERE c.relnamespace = current_schema()::regnamespace ORDER BY 1");
  CHECK(firsts.size() >= 12);
  for (const std::string& each : firsts) {
    CAPTURE(each);
    const bool is_exempt = without_tenant.contains(each.substr(0, each.find('.'))) ||
                           across_tenants.contains(each.substr(0, each.find(' ')));
    CHECK(each.ends_with(" tenant_id") != is_exempt);
  }
  const auto keyless = database.connection.lines(
      "SELECT relname FROM pg_class c WHERE relkind = 'r' AND relnamespace = "
      "current_schema()::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_index x WHERE "
      "x.indrelid = c.oid AND x.indisprimary)");
  CHECK(keyless.empty());
}

TEST_CASE("tenant_id sorts by its bytes in every table, whatever the database's language") {
  Migrated database;
  CHECK(database.connection
            .lines("SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema() AND "
                   "column_name = 'tenant_id' AND collation_name IS DISTINCT FROM 'C'")
            .empty());
}

TEST_CASE("every statement names its tenants, but for those of the deployment") {
  const std::regex names_tenants(
      R"(tenant_id = \$1|tenant_id = ANY\(\$1::text\[\]\)|tenant_id = n\.tenant_id|^INSERT INTO \w+ (AS \w )?\(tenant_id, )");
  for (const Statement& each : statements()) {
    CAPTURE(each.name);
    const bool is_exempt = about_no_row.contains(each.id) || of_the_deployment.contains(each.id);
    CHECK(std::regex_search(each.text, names_tenants) != is_exempt);
  }
}

/// What is wrong with a plan: a table read without the tenant, whatever its size.
std::string fault_of(const std::vector<std::string>& plan) {
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (plan[i].find("Seq Scan") != std::string::npos) return plan[i];
    const bool is_scan = plan[i].find("Index Scan") != std::string::npos ||
                         plan[i].find("Index Only Scan") != std::string::npos ||
                         plan[i].find("Bitmap Index Scan") != std::string::npos;
    const bool has_tenant = i + 1 < plan.size() && plan[i + 1].find("Index Cond") != std::string::npos &&
                            plan[i + 1].find("tenant_id") != std::string::npos;
    if (is_scan && !has_tenant) return plan[i];
  }
  return "";
}

TEST_CASE("every statement is planned as a search by tenant, also while the tables are empty") {
  Migrated database;
  Connection& connection = database.connection;
  for (const Statement& each : statements()) {
    CAPTURE(each.name);
    if (about_no_row.contains(each.id)) continue;
    connection.execute(fmt::format("PREPARE s AS {}", each.text));
    const int values = std::stoi(connection.text(
        "SELECT coalesce(array_length(parameter_types, 1), 0) FROM pg_prepared_statements WHERE name = 's'"));
    std::string nulls;
    for (int i = 0; i < values; ++i) nulls += i == 0 ? "NULL" : ", NULL";
    const auto plan = connection.lines("EXPLAIN (COSTS OFF) EXECUTE s" + (values > 0 ? "(" + nulls + ")" : ""));
    REQUIRE(!plan.empty());
    if (!of_the_deployment.contains(each.id)) CHECK(fault_of(plan) == "");
    connection.execute("DEALLOCATE s");
  }
}

TEST_CASE("the migrations are numbered from 1 without a gap") {
  int expected = 1;
  for (const Migration& step : migrations()) CHECK(step.number == expected++);
}

TEST_CASE("several processes may start at once on an empty database") {
  const TestSchema schema;
  std::vector<std::thread> threads;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      open_postgresql_store({.url = schema.url()});
      ++opened;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(opened == 4);
  CHECK(schema.sql("SELECT count(*) FROM schema_migration") == std::to_string(migrations().size()));
}

TEST_CASE("a schema from a newer program is refused by the store and by readers, a missing one by readers") {
  const TestSchema schema;
  CHECK_THROWS_WITH_AS(open_postgresql_reader(schema.url()), doctest::Contains("no schema"), StoreFailure);
  open_postgresql_store({.url = schema.url()}).reset();
  schema.sql("INSERT INTO schema_migration VALUES (1000, 'from_the_future')");
  CHECK_THROWS_WITH_AS(open_postgresql_store({.url = schema.url()}), doctest::Contains("1000"), StoreFailure);
  CHECK_THROWS_WITH_AS(open_postgresql_reader(schema.url()), doctest::Contains("1000"), StoreFailure);
}

TEST_CASE("a database from before revocations were numbered has them numbered, and learns when counts may go") {
  const TestSchema schema;
  constexpr int before_numbers = 10;
  Connection connection(schema.url());
  connection.execute("CREATE TABLE schema_migration (number bigint PRIMARY KEY, name text NOT NULL)");
  connection.execute("INSERT INTO schema_migration VALUES (10, 'before')");
  for (const Migration& step : migrations()) {
    if (step.number <= before_numbers) connection.execute(step.sql);
  }
  connection.execute(
      "INSERT INTO revocation VALUES ('acme', 1, "
      "'\\x0505050505050505050505050505050505050505050505050505050505050505', 20, 0), ('acme', 0, "
      "'\\x0404040404040404040404040404040404040404040404040404040404040404', 20, 0), "
      "('acme', 0, '\\x0909090909090909090909090909090909090909090909090909090909090909', 10, 0), ('zeta', 0, "
      "'\\x0707070707070707070707070707070707070707070707070707070707070707', 30, 0);"
      "INSERT INTO caveat_counter VALUES ('acme', 1, "
      "'\\x0101010101010101010101010101010101010101010101010101010101010101', 3), ('acme', 0, "
      "'\\x0101010101010101010101010101010101010101010101010101010101010101', 3), ('acme', 1, "
      "'\\x0202020202020202020202020202020202020202020202020202020202020202', 3);"
      "INSERT INTO caveat_rate VALUES ('acme', '\\x0303030303030303030303030303030303030303030303030303030303030303', "
      "'');"
      "INSERT INTO seen_link VALUES ('acme', '\\x0101010101010101010101010101010101010101010101010101010101010101', "
      "'', '', '', '', '', '', 1, 0, 0, 1000, 0, 0);"
      "INSERT INTO token VALUES ('acme', '', '\\x0303030303030303030303030303030303030303030303030303030303030303', "
      "'', '', '', '', '', '', 1, 0, 0, '', '', 0, 0, 2000, '', NULL, '', "
      "NULL, NULL, NULL, '');");
  const auto store = open_postgresql_store({.url = schema.url()});
  CHECK(schema.sql("SELECT string_agg(seq || ':' || get_byte(id, 0), ' ' ORDER BY tenant_id, seq) FROM revocation") ==
        "1:9 2:4 3:5 1:7");
  CHECK(schema.sql("SELECT string_agg(kind || ':' || coalesce(expires_at, 0), ' ' ORDER BY kind, rid) FROM "
                   "caveat_counter") == "0:0 1:1000 1:0");
  CHECK(schema.sql("SELECT expires_at FROM caveat_rate") == "2000");
}

TEST_CASE("a failing migration leaves the schema before it") {
  const TestSchema schema;
  schema.sql("CREATE TABLE vm (x int)");
  CHECK_THROWS_AS(open_postgresql_store({.url = schema.url()}), StoreFailure);
  CHECK(schema.sql("SELECT count(*) FROM schema_migration") == "0");
  CHECK(schema.sql("SELECT to_regclass('tenant')").empty());
}

TEST_CASE("a database that cannot keep every text is refused") {
  Connection cluster(cluster_url(), {std::chrono::minutes(5), std::chrono::minutes(5)});
  cluster.execute("SET statement_timeout = 0");  // a database is 7 MB of files, and the disk may be busy
  cluster.execute("DROP DATABASE IF EXISTS in_ascii");
  cluster.execute("CREATE DATABASE in_ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
  std::string url = cluster_url();
  url.replace(url.find("/postgres?"), sizeof("/postgres?") - 1, "/in_ascii?");
  CHECK_THROWS_WITH_AS(open_postgresql_store({.url = url}), doctest::Contains("UTF8"), StoreFailure);
  cluster.execute("DROP DATABASE in_ascii");
}

}  // namespace
}  // namespace cadastre::postgresql

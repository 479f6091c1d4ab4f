#include "store/postgresql/migration.h"

#include <fmt/format.h>

namespace cadastre::postgresql {
namespace {

constexpr std::int64_t lock_key = 0x6361'6461'7374'7265;  // "cadastre"

std::int64_t newest_known() { return migrations().back().number; }

/// The right to change the schema. It ends with the connection at the latest.
class SchemaLock {
 public:
  explicit SchemaLock(Connection& connection) : connection_(connection) {
    connection_.execute(
        fmt::format("SET lock_timeout = '60s'; SET statement_timeout = 0; SELECT pg_advisory_lock({})", lock_key));
  }
  void release() { connection_.execute(fmt::format("SELECT pg_advisory_unlock({})", lock_key)); }

 private:
  Connection& connection_;
};

std::int64_t schema_of(Connection& connection) {
  if (connection.text("SELECT to_regclass('schema_migration')").empty()) return 0;
  return std::stoll(connection.text("SELECT coalesce(max(number), 0) FROM schema_migration"));
}

[[noreturn]] void refuse_newer(std::int64_t found) {
  throw StoreFailure(fmt::format(
      "the database has schema {}, and this program knows schemas up to {}: it was written by a newer program", found,
      newest_known()));
}

void apply(Connection& connection, const Migration& step) {
  connection.execute("BEGIN");
  connection.execute(step.sql);
  connection.execute(
      fmt::format("INSERT INTO schema_migration (number, name) VALUES ({}, '{}')", step.number, step.name));
  connection.execute("COMMIT");
}

}  // namespace

void migrate(Connection& connection) {
  SchemaLock lock(connection);
  const std::int64_t found = schema_of(connection);
  if (found > newest_known()) refuse_newer(found);
  if (found == 0) {
    connection.execute("CREATE TABLE IF NOT EXISTS schema_migration (number bigint PRIMARY KEY, name text NOT NULL)");
  }
  for (const Migration& step : migrations()) {
    if (step.number > found) apply(connection, step);  // when it fails the connection is given up, which undoes it
  }
  lock.release();
}

void expect_schema(Connection& connection) {
  const std::int64_t found = schema_of(connection);
  if (found > newest_known()) refuse_newer(found);
  if (found == 0) throw StoreFailure("the database has no schema yet: start the server on it first");
  if (found < newest_known()) {
    throw StoreFailure(
        fmt::format("the database has schema {}, and this program needs {}: start the server of the same version once",
                    found, newest_known()));
  }
}

}  // namespace cadastre::postgresql

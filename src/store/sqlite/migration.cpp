#include "store/sqlite/migration.h"

#include <fmt/format.h>

namespace cadastre::sqlite {
namespace {

std::int64_t schema_of(const Connection& connection) { return connection.integer("PRAGMA user_version"); }
std::int64_t newest_known() { return migrations().back().number; }

[[noreturn]] void refuse_newer(std::int64_t found) {
  throw StoreFailure(fmt::format(
      "the database has schema {}, and this program knows schemas up to {}: it was written by a newer program, "
      "so run that one, or restore a backup from before the upgrade",
      found, newest_known()));
}

}  // namespace

void migrate(const Connection& writer) {
  const std::int64_t found = schema_of(writer);
  if (found > newest_known()) refuse_newer(found);
  for (const Migration& step : migrations()) {
    if (step.number <= found) continue;
    // When a step fails the connection is given up, which rolls it back.
    writer.execute("BEGIN IMMEDIATE");
    writer.execute(step.sql);
    writer.execute(fmt::format("PRAGMA user_version={}", step.number));
    writer.execute("COMMIT");
  }
}

void expect_schema(const Connection& reader) {
  const std::int64_t found = schema_of(reader);
  if (found > newest_known()) refuse_newer(found);
  if (found == 0) throw StoreFailure("the database has no schema yet: start the server on it first");
  if (found < newest_known()) {
    throw StoreFailure(
        fmt::format("the database has schema {}, and this program needs {}: start the server of the same version once",
                    found, newest_known()));
  }
}

}  // namespace cadastre::sqlite

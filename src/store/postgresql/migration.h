// The schema: numbered steps from migrations/*.sql, applied in order.
#pragma once

#include <span>

#include "store/postgresql/connection.h"

namespace cadastre::postgresql {

struct Migration {
  int number;
  const char* name;
  const char* sql;
};

/// The steps this program knows, ascending, without gaps from 1.
std::span<const Migration> migrations();

/// Brings the database to the newest schema, each step in a transaction of its own, while others that start at the same
/// time wait. Refuses a schema that is newer than this program.
void migrate(Connection& connection);

/// Refuses, for one who only reads, a database without a schema, with an older and with a newer one.
void expect_schema(Connection& connection);

}  // namespace cadastre::postgresql

#include "store/postgresql/connection.h"

#include "store/postgresql/postgresql_store.h"
#include "store/postgresql/test_cluster.h"

namespace cadastre::postgresql {
namespace {

/// The schema by way of sessions that may only read, as those of a standby are.
std::string read_only(const TestSchema& schema) { return schema.url() + "%20-cdefault_transaction_read_only%3Don"; }

TEST_CASE("a database that only reads is none that can be reached") {
  const TestSchema schema;
  try {
    open_postgresql_store({.url = read_only(schema)});
    FAIL("opened");
  } catch (const Failure& failure) {
    CHECK(failure.trouble() == Trouble::connection);
    CHECK(std::string(failure.what()).find("read-only") != std::string::npos);
  }
}

TEST_CASE("a connection that only reads any more is to be given up") {
  const TestSchema schema;
  Connection connection(read_only(schema) + "&target_session_attrs=any");
  CHECK(connection.text("SELECT 1") == "1");
  try {
    connection.execute("CREATE TABLE refused (id bigint)");
    FAIL("written");
  } catch (const Failure& failure) {
    CHECK(failure.trouble() == Trouble::connection);
  }
}

}  // namespace
}  // namespace cadastre::postgresql

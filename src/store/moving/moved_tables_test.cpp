#include "store/moving/moved_tables.h"

#include <doctest/doctest.h>

#include <set>

#include "base/test_folder.h"
#include "store/postgresql/migration.h"
#include "store/postgresql/test_cluster.h"
#include "store/sqlite/migration.h"
#include "store/sqlite/statement.h"

using namespace cadastre;
using namespace cadastre::moving;

namespace {

// What a new database begins without: who told whom of what, and who may do what for the next seconds.
const std::set<std::string> begin_empty = {"schema_migration", "change_feed", "publisher_lease", "rate_budget",
                                           "commit_mark"};

std::set<std::string> columns_of(const MovedTable& table) {
  std::set<std::string> names;
  for (const MovedColumn& column : table.columns) names.insert(column.name);
  return names;
}

std::set<std::string> set_of(const std::vector<std::string>& lines) { return {lines.begin(), lines.end()}; }

}  // namespace

TEST_CASE("every table and column that PostgreSQL's engine has is moved, or begins empty") {
  const postgresql::TestSchema schema;
  postgresql::Connection connection(schema.url());
  postgresql::migrate(connection);
  const std::string of_schema = "table_schema = current_schema()";
  std::set<std::string> moved = begin_empty;
  for (const MovedTable& table : moved_tables()) {
    CAPTURE(table.name);
    moved.insert(std::string(table.name));
    CHECK(columns_of(table) ==
          set_of(connection.lines(fmt::format("SELECT column_name FROM information_schema.columns WHERE {} AND "
                                              "table_name = '{}'",
                                              of_schema, table.name))));
  }
  for (const std::string& name :
       connection.lines("SELECT table_name FROM information_schema.tables WHERE " + of_schema)) {
    CAPTURE(name);
    CHECK(moved.contains(name));
  }
}

TEST_CASE("every table and column that SQLite's engine has is moved") {
  const TestFolder folder;
  const auto connection = sqlite::Connection::open_writer(folder / sqlite::database_name, {});
  sqlite::migrate(connection);
  sqlite::Connection asking = sqlite::Connection::open_reader(folder / sqlite::database_name, {});
  sqlite::Query query(asking,
                      "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'");
  std::size_t columns = 0;
  for (auto rows = query(); rows.next(); ++columns) {
    const std::string name = rows.text(0);
    const std::string column = rows.text(1);
    CAPTURE(name);
    CAPTURE(column);
    CHECK(columns_of(moved_table(name)).contains(column));
  }
  CHECK(columns > 80);
}

TEST_CASE("the questions on both sides give the rows in one order") {
  for (const MovedTable& table : moved_tables()) {
    CAPTURE(table.name);
    REQUIRE(table.key_columns <= table.columns.size());
    if (table.is_published) continue;
    const std::string source = source_query(table);
    const std::string target = target_query(table);
    CHECK(source.starts_with("SELECT "));
    CHECK(target.starts_with("SELECT " + column_list(table) + " FROM " + std::string(table.name) + " ORDER BY "));
    CHECK((target.find("COLLATE \"C\"") != std::string::npos) == (table.columns[0].type == ColumnType::text));
  }
}

#include "store/moving/source.h"

#include <fmt/format.h>

#include "store/sqlite/sqlite_store.h"

namespace cadastre::moving {
namespace {

using sqlite::Connection;
using Statement = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

// Every table is read twice from its first row to its last, and the leaves out of the order in which they lie.
constexpr sqlite::ConnectionLimits limits{.cache_kib = 32 * 1024, .mmap_bytes = 2'147'418'112};  // SQLite's greatest

/// Before anything is made there: a folder without a register stays as it is.
std::unique_ptr<Store> open_existing(const std::filesystem::path& folder) {
  Connection::open_reader(folder / sqlite::database_name, {});
  return open_sqlite_store({.directory = folder, .even_if_moved = true});
}

int type_of(ColumnType type) {
  switch (type) {
    case ColumnType::integer: return SQLITE_INTEGER;
    case ColumnType::text: return SQLITE_TEXT;
    case ColumnType::bytes: return SQLITE_BLOB;
  }
  std::unreachable();
}

}  // namespace

Source::Source(const std::filesystem::path& folder)
    : folder_(folder),
      store_(open_existing(folder)),
      connection_(Connection::open_reader(folder / sqlite::database_name, limits)) {}

void Source::expect_sound() const {
  const Statement statement(connection_.prepare("PRAGMA integrity_check(1)"), &sqlite3_finalize);
  const int code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW) sqlite::throw_failure(connection_.handle(), code, "checking the source");
  const std::string_view found = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
  if (found == "ok") return;
  throw StoreFailure(
      fmt::format("{} is damaged ({}): restore it from a backup", (folder_ / sqlite::database_name).string(), found));
}

SourceRows::SourceRows(const Source& source, const MovedTable& table)
    : connection_(source.connection()),
      table_(table),
      statement_(connection_.prepare(source_query(table)), &sqlite3_finalize) {}

bool SourceRows::next() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_DONE) return false;
  if (code != SQLITE_ROW) sqlite::throw_failure(connection_.handle(), code, table_.name);
  writer_.begin(table_.columns.size());
  for (std::size_t place = 0; place < table_.columns.size(); ++place) add(place);
  return true;
}

void SourceRows::add(std::size_t place) {
  const MovedColumn& column = table_.columns[place];
  const int number = static_cast<int>(place);
  const int found = sqlite3_column_type(statement_.get(), number);
  if (found == SQLITE_NULL) return writer_.add_null();
  if (found != type_of(column.type)) {
    throw StoreFailure(
        fmt::format("a row of {} has a value of another type than its column {}: restore the database from a backup",
                    table_.name, column.name));
  }
  if (found == SQLITE_INTEGER) return writer_.add(std::int64_t{sqlite3_column_int64(statement_.get(), number)});
  const void* const data = sqlite3_column_blob(statement_.get(), number);
  writer_.add(std::string_view(static_cast<const char*>(data),
                               static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), number))));
}

}  // namespace cadastre::moving

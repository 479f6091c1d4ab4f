#include "store/moving/target.h"

#include <fmt/format.h>

#include "store/moving/row.h"
#include "store/postgresql/migration.h"

namespace cadastre::moving {
namespace {

using postgresql::Failure;
using postgresql::Trouble;

constexpr std::string_view end_mark = "\377\377";  // of COPY's stream, where a number of values would stand
// Long statements, and a transaction that waits for the other database, are what a move is; waiting for others is not.
constexpr const char* patience =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '5s'";

std::string table_list() {
  std::string list;
  for (const MovedTable& table : moved_tables()) (list += list.empty() ? "" : ", ") += table.name;
  return list;
}

[[noreturn]] void refuse_filled() {
  throw StoreFailure("the new database holds a register already: name an empty one");
}

}  // namespace

Target::Target(const std::string& url) : connection_(url) { connection_.execute(patience); }

std::string Target::ask(const std::string& sql) {
  try {
    return connection_.text(sql);
  } catch (const Failure& failure) {
    if (failure.trouble() != Trouble::conflict) throw;
    throw StoreFailure("somebody else uses the new database, a server or another move: stop that, and run this again");
  }
}

bool Target::has_table(std::string_view name) { return !ask(fmt::format("SELECT to_regclass('{}')", name)).empty(); }

bool Target::holds_anything() {
  for (const MovedTable& table : moved_tables()) {
    if (has_table(table.name) && ask(fmt::format("SELECT 1 FROM {} LIMIT 1", table.name)) == "1") return true;
  }
  return false;
}

std::string Target::setting(std::string_view name) {
  return has_table("setting") ? ask(fmt::format("SELECT value FROM setting WHERE name = '{}'", name)) : "";
}

void Target::begin() {
  if (holds_anything()) refuse_filled();
  postgresql::migrate(connection_);
  connection_.execute(patience);
  connection_.execute("BEGIN");
  ask("LOCK TABLE " + table_list() + " IN ACCESS EXCLUSIVE MODE");
  connection_.execute("SET lock_timeout = 0");  // nobody else is left to wait for
  if (holds_anything()) refuse_filled();
}

void Target::set_setting(std::string_view name, std::string_view value) {
  const MovedTable& table = moved_table("setting");
  postgresql::CopyIn rows(connection_, std::string(table.name), column_list(table));
  RowWriter writer;
  writer.begin(table.columns.size());
  writer.add(name);
  writer.add(value);
  rows.add(writer.row());
  rows.finish();
}

void Target::count_showing(std::int64_t showing) {
  connection_.execute(fmt::format("UPDATE publisher_lease SET shown = greatest(shown, {})", showing));
}

void Target::count_rows() { connection_.execute("ANALYZE " + table_list()); }

void Target::commit() {
  try {
    connection_.execute("COMMIT");
  } catch (const Failure& failure) {
    if (failure.trouble() == Trouble::connection) throw CommitUnknown(failure.what());
    throw;
  }
}

TargetRows::TargetRows(Target& target, const MovedTable& table) : stream_(target.connection(), target_query(table)) {}

bool TargetRows::next() {
  start_ += length_;
  length_ = 0;
  if (is_over_) return false;
  while (true) {
    const std::string_view rest = std::string_view(waiting_).substr(start_);
    if (rest.starts_with(end_mark)) {
      is_over_ = rest.size() == end_mark.size() && stream_.next_piece().empty();
      if (!is_over_) throw StoreFailure("PostgreSQL sent more than the end of its stream");
      return false;
    }
    if (const auto length = length_of_row(rest)) {
      length_ = *length;
      return true;
    }
    const std::string_view piece = stream_.next_piece();
    if (piece.empty()) throw StoreFailure("PostgreSQL ended a stream in the middle of a row");
    waiting_.erase(0, start_);
    start_ = 0;
    waiting_ += piece;
  }
}

}  // namespace cadastre::moving

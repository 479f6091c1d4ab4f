// Prepared statements: one owner, values bound in order, columns read by position.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/quantity.h"
#include "base/time.h"
#include "store/sqlite/connection.h"

namespace cadastre::sqlite {

/// Text that is stored as NULL when it is empty.
struct TextOrNull {
  std::string_view text;
};

/// The rows of one run of a statement. Ends the run when it goes, so that no read transaction stays open.
class Rows {
 public:
  Rows(sqlite3* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows() { sqlite3_reset(statement_); }

  /// Moves to the next row; false after the last.
  bool next() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) throw_failure(db_, code, sqlite3_sql(statement_));
    return false;
  }

  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  Instant instant(int column) const { return instant_from_ms(integer(column)); }
  /// Nothing for NULL.
  std::optional<Instant> instant_if_any(int column) const {
    return is_null(column) ? std::nullopt : std::optional(instant(column));
  }
  /// A text's or blob's bytes, valid until the next row; empty for NULL.
  std::string_view bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_, column);
    return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  std::string text(int column) const { return std::string(bytes(column)); }
  /// A blob of a known length. Throws StoreFailure when it has another.
  template <std::size_t N>
  Bytes<N> blob(int column) const {
    const auto found = exactly<N>(bytes(column));
    if (!found) throw StoreFailure("the database holds an id or digest of the wrong length");
    return *found;
  }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_;
};

/// One statement of a connection, prepared at its first use and kept. Used by one thread, one run at a time.
class Query {
 public:
  Query(Connection& connection, std::string sql) : connection_(&connection), sql_(std::move(sql)) {}

  /// Starts a run. The values must live until the rows are read: they are bound without a copy.
  template <class... Values>
  Rows operator()(const Values&... values) {
    sqlite3_stmt* const statement = prepared();
    int index = 0;
    int code = SQLITE_OK;
    ((code = code == SQLITE_OK ? bind(statement, ++index, values) : code), ...);
    if (code != SQLITE_OK) throw_failure(connection_->handle(), code, sql_);
    return {connection_->handle(), statement};
  }

  /// Runs a statement without rows; answers how many rows it changed.
  template <class... Values>
  int run(const Values&... values) {
    (*this)(values...).next();
    return sqlite3_changes(connection_->handle());
  }

 private:
  sqlite3_stmt* prepared() {
    if (!handle_) handle_.reset(connection_->prepare(sql_));
    return handle_.get();
  }

  static int bind(sqlite3_stmt* statement, int index, std::int64_t value) {
    return sqlite3_bind_int64(statement, index, value);
  }
  template <class Integer>
    requires(std::is_integral_v<Integer> || std::is_enum_v<Integer>)
  static int bind(sqlite3_stmt* statement, int index, Integer value) {
    return bind(statement, index, static_cast<std::int64_t>(value));
  }
  template <class Unit>
  static int bind(sqlite3_stmt* statement, int index, Quantity<Unit> value) {
    return bind(statement, index, value.value);
  }
  static int bind(sqlite3_stmt* statement, int index, Instant value) {
    return bind(statement, index, ms_since_epoch(value));
  }
  static int bind(sqlite3_stmt* statement, int index, std::string_view text) {
    return sqlite3_bind_text64(statement, index, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  static int bind(sqlite3_stmt* statement, int index, const std::string& text) {
    return bind(statement, index, std::string_view(text));
  }
  static int bind(sqlite3_stmt* statement, int index, TextOrNull value) {
    return value.text.empty() ? sqlite3_bind_null(statement, index) : bind(statement, index, value.text);
  }
  static int bind(sqlite3_stmt* statement, int index, ByteView bytes) {
    const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
    return sqlite3_bind_blob64(statement, index, data, bytes.size(), SQLITE_STATIC);
  }
  template <std::size_t N>
  static int bind(sqlite3_stmt* statement, int index, const Bytes<N>& bytes) {
    return bind(statement, index, ByteView(bytes));
  }
  template <class Value>
  static int bind(sqlite3_stmt* statement, int index, const std::optional<Value>& value) {
    return value ? bind(statement, index, *value) : sqlite3_bind_null(statement, index);
  }

  Connection* connection_;  // outlives its statements
  std::string sql_;
  std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> handle_{nullptr, &sqlite3_finalize};
};

}  // namespace cadastre::sqlite

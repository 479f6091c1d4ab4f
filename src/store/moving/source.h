// The register that is moved: a SQLite database that nobody else has open.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "service/ports.h"
#include "store/moving/moved_tables.h"
#include "store/moving/row.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/move_mark.h"

namespace cadastre::moving {

/// Holds the directory's lock as long as it lives. Changes nothing but the mark.
class Source {
 public:
  /// Throws StoreFailure when there is no database, or a server runs on it.
  explicit Source(const std::filesystem::path& folder);

  Store& store() { return *store_; }
  /// Refuses a file with pages or indices that contradict each other: what is read of it in one order need not be all.
  void expect_sound() const;

  std::optional<sqlite::MoveMark> mark() const { return sqlite::read_move_mark(folder_); }
  /// From then on no server starts on it, or may again.
  void set_mark(const sqlite::MoveMark& mark) { sqlite::write_move_mark(folder_, mark); }
  void clear_mark() { sqlite::remove_move_mark(folder_); }

  const std::filesystem::path& folder() const { return folder_; }
  const sqlite::Connection& connection() const { return connection_; }

 private:
  const std::filesystem::path folder_;
  const std::unique_ptr<Store> store_;
  const sqlite::Connection connection_;
};

/// The rows of one table in the order of their key. The source outlives them.
class SourceRows {
 public:
  SourceRows(const Source& source, const MovedTable& table);
  /// Moves to the next row; false after the last. Throws StoreFailure on a value of another type than the table's.
  bool next();
  std::string_view row() const { return writer_.row(); }

 private:
  void add(std::size_t place);

  const sqlite::Connection& connection_;
  const MovedTable& table_;
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement_;
  RowWriter writer_;
};

}  // namespace cadastre::moving

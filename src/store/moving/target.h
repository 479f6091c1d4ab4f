// The database that a register is moved into, in one transaction.
#pragma once

#include <string>
#include <string_view>

#include "store/moving/moved_tables.h"
#include "store/postgresql/copy_stream.h"

namespace cadastre::moving {

/// Its transaction ends with it: what was not committed was never there.
class Target {
 public:
  /// Throws StoreFailure when the database cannot be reached or used.
  explicit Target(const std::string& url);

  /// A row of any moved table is there.
  bool holds_anything();
  /// Empty when there is none.
  std::string setting(std::string_view name);

  /// Brings an empty database to this program's schema, begins the transaction, and keeps everybody else out of its
  /// tables until the end. Refuses one that holds a register.
  void begin();
  /// The next checkpoint that is put in place there counts as a later showing than this one.
  void count_showing(std::int64_t showing);
  void set_setting(std::string_view name, std::string_view value);
  /// So that questions are planned for as many rows as there are.
  void count_rows();
  /// Throws CommitUnknown when the connection was lost meanwhile.
  void commit();

  postgresql::Connection& connection() { return connection_; }

 private:
  /// The first value that a question gives. Refuses to wait for one who keeps others out.
  std::string ask(const std::string& sql);
  bool has_table(std::string_view name);

  postgresql::Connection connection_;
};

/// The rows of one table in the order of their key, all of them.
class TargetRows {
 public:
  TargetRows(Target& target, const MovedTable& table);
  /// Moves to the next row; false after the last.
  bool next();
  std::string_view row() const { return std::string_view(waiting_).substr(start_, length_); }

 private:
  postgresql::CopyOut stream_;
  std::string waiting_;
  std::size_t start_ = 0;
  std::size_t length_ = 0;  // of the row at `start_`
  bool is_over_ = false;
};

}  // namespace cadastre::moving

// What a register consists of, table by table, as both engines keep it: what a move from one to the other copies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cadastre::moving {

enum class ColumnType { integer, text, bytes };

struct MovedColumn {
  const char* name;  ///< In PostgreSQL; in SQLite too, when `source` says nothing else.
  ColumnType type;
  const char* source = nullptr;  ///< The expression that gives it there.
};

struct MovedTable {
  std::string_view name;  ///< In PostgreSQL; in SQLite too, when `source` says nothing else.
  std::size_t key_columns;
  std::vector<MovedColumn> columns;  ///< Those of the key first, in the key's order.
  const char* source = nullptr;      ///< What follows FROM there.
  bool is_published = false;         ///< Files of the published logs: not in the database there.

  /// Where the column stands. Requires that there is one of that name.
  std::size_t place_of(std::string_view column) const;
};

/// Every table that holds something of the register, `tenant` first and the rest in the order in which an arrival is
/// checked. A table is not here when the new engine begins with an empty one.
const std::vector<MovedTable>& moved_tables();
/// The one of that name. Requires that there is one.
const MovedTable& moved_table(std::string_view name);

/// The columns, with commas.
std::string column_list(const MovedTable& table);
/// All rows in the order of their key, on SQLite and on PostgreSQL: the same order, by bytes.
std::string source_query(const MovedTable& table);
std::string target_query(const MovedTable& table);

/// Settings of the new database: which move brought the register, and from where.
constexpr std::string_view move_id_setting = "move_id";
constexpr std::string_view moved_from_setting = "moved_from";

}  // namespace cadastre::moving

// Whole tables in and out of PostgreSQL, as rows of COPY's binary form (PostgreSQL 15, "COPY", "Binary Format").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/postgresql/connection.h"

namespace cadastre::postgresql {

/// Rows sent into a table. Without `finish` none of them is kept: the connection is then in the middle of a COPY and
/// must be given up.
class CopyIn {
 public:
  CopyIn(Connection& connection, const std::string& table, const std::string& columns);
  /// The row's values, the number of them first.
  void add(std::string_view row);
  void finish();

 private:
  void send();

  Connection& connection_;
  std::string waiting_;
};

/// Rows that a query gives. When it is left before its end, the connection is in the middle of a COPY and must be given
/// up.
class CopyOut {
 public:
  CopyOut(Connection& connection, const std::string& query);
  /// The next piece of the stream, after its header; empty at the end. Pieces need not end where rows do.
  std::string_view next_piece();

 private:
  using Piece = std::unique_ptr<char, decltype(&PQfreemem)>;

  Connection& connection_;
  Piece piece_{nullptr, &PQfreemem};
  bool is_first_ = true;
};

}  // namespace cadastre::postgresql

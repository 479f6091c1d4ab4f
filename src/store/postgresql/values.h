// Values on their way to and from PostgreSQL in its binary format: bigint, text, bytea, and arrays of them.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "base/quantity.h"
#include "base/time.h"
#include "service/ports.h"

namespace cadastre::postgresql {

/// Text that is stored as NULL when it is empty.
struct TextOrNull {
  std::string_view text;
};

/// One value in a form that a statement's parameter and a column of many rows share.
struct Wire {
  /// As in pg_type.dat.
  enum class Type : std::uint32_t { bytes = 17, integer = 20, text = 25 };
  Type type;
  bool is_null = false;
  std::int64_t integer = 0;
  std::string_view bytes = {};
};

inline Wire wire(std::string_view text) { return {.type = Wire::Type::text, .bytes = text}; }
inline Wire wire(const std::string& text) { return wire(std::string_view(text)); }
inline Wire wire(const char* text) { return wire(std::string_view(text)); }
inline Wire wire(TextOrNull value) {
  return {.type = Wire::Type::text, .is_null = value.text.empty(), .bytes = value.text};
}
inline Wire wire(ByteView bytes) { return {.type = Wire::Type::bytes, .bytes = as_text(bytes)}; }
template <std::size_t N>
Wire wire(const Bytes<N>& bytes) {
  return wire(ByteView(bytes));
}
template <class Integer>
  requires(std::is_integral_v<Integer> || std::is_enum_v<Integer>)
Wire wire(Integer value) {
  return {.type = Wire::Type::integer, .integer = static_cast<std::int64_t>(value)};
}
template <class Unit>
Wire wire(Quantity<Unit> value) {
  return wire(value.value);
}
inline Wire wire(Instant value) { return wire(ms_since_epoch(value)); }
template <class Value>
Wire wire(const std::optional<Value>& value) {
  if (value) return wire(*value);
  Wire null = wire(Value{});
  null.is_null = true;
  return null;
}

/// One column of many rows: a one-dimensional array, whose wire form is in src/backend/utils/adt/arrayfuncs.c.
class Column {
 public:
  void add(const Wire& value);
  /// Complete, until the next `add`.
  std::string_view bytes();

 private:
  std::string bytes_;
  std::uint32_t rows_ = 0;
  bool has_null_ = false;
};

/// Rows to be written at once, by column.
class Columns {
 public:
  template <class... Values>
  void add(const Values&... values) {
    if (columns_.empty()) columns_.resize(sizeof...(Values));
    std::size_t place = 0;
    (columns_[place++].add(wire(values)), ...);
    ++rows_;
  }
  std::size_t rows() const { return rows_; }
  std::vector<Column>& columns() { return columns_; }

 private:
  std::vector<Column> columns_;
  std::size_t rows_ = 0;
};

/// The values of one run of a statement. Texts and bytes are not copied: they must live until it is sent.
class Values {
 public:
  template <class... Each>
  static Values of(const Each&... values) {
    Values all(sizeof...(Each));
    (all.add(wire(values)), ...);
    return all;
  }
  /// Each column as an array, then the single values.
  template <class... Each>
  static Values of(Columns& columns, const Each&... values) {
    Values all(columns.columns().size() + sizeof...(Each));
    for (Column& column : columns.columns()) all.add_bytes(column.bytes());
    (all.add(wire(values)), ...);
    return all;
  }

  int count() const { return static_cast<int>(data_.size()); }
  const char* const* data() const { return data_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  explicit Values(std::size_t count);
  void add(const Wire& value);
  void add_bytes(std::string_view bytes);

  std::vector<const char*> data_;
  std::vector<int> lengths_, formats_;
  std::unique_ptr<std::array<char, 8>[]> integers_;  // never moves: data_ points into it
};

/// What one run of a statement gave.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result, &PQclear) {}

  /// What libpq handed out; null when there is nothing more to come.
  const PGresult* result() const { return result_.get(); }
  explicit operator bool() const { return result_ != nullptr; }
  ExecStatusType status() const { return PQresultStatus(result_.get()); }

  /// Moves to the next row; false after the last.
  bool next() { return ++row_ < PQntuples(result_.get()); }
  int count() const { return PQntuples(result_.get()); }
  /// How many rows the statement inserted, changed or removed.
  std::size_t changed() const;

  bool is_null(int column) const { return PQgetisnull(result_.get(), row_, column) != 0; }
  std::int64_t integer(int column) const;
  Instant instant(int column) const { return instant_from_ms(integer(column)); }
  /// Nothing for NULL.
  std::optional<Instant> instant_if_any(int column) const {
    return is_null(column) ? std::nullopt : std::optional(instant(column));
  }
  /// A text's or bytea's bytes; empty for NULL.
  std::string_view bytes(int column) const {
    return {PQgetvalue(result_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }
  std::string text(int column) const { return std::string(bytes(column)); }
  /// A bytea of a known length. Throws StoreFailure when it has another.
  template <std::size_t N>
  Bytes<N> blob(int column) const {
    const auto found = exactly<N>(bytes(column));
    if (!found) throw StoreFailure("the database holds an id or digest of the wrong length");
    return *found;
  }

 private:
  std::unique_ptr<PGresult, decltype(&PQclear)> result_;
  int row_ = -1;
};

}  // namespace cadastre::postgresql

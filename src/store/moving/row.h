// One row on its way between two engines, in the form in which PostgreSQL's COPY carries it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cadastre::moving {

/// Writes a row as PostgreSQL 15, "COPY", section "Binary Format", has it: the number of values, then each one's length
/// and bytes. Reused from row to row.
class RowWriter {
 public:
  void begin(std::size_t values);
  void add_null();
  void add(std::int64_t value);
  void add(std::string_view bytes);
  /// The row, until the next `begin`.
  std::string_view row() const { return row_; }

 private:
  std::string row_;
};

/// A row's values, as views into it; nothing for NULL.
using RowValues = std::vector<std::optional<std::string_view>>;

/// Takes a row apart. Throws StoreFailure when it is not of that form.
void split_row(std::string_view row, RowValues& values);
/// The length of the first row in `bytes`; nothing when they end within it.
std::optional<std::size_t> length_of_row(std::string_view bytes);
/// An integer's value; 0 for NULL.
std::int64_t integer_of(const std::optional<std::string_view>& value);

}  // namespace cadastre::moving

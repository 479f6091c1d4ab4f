#include "store/moving/row.h"

#include <doctest/doctest.h>

#include "service/ports.h"

using namespace cadastre;
using namespace cadastre::moving;

namespace {

std::string row_of(const std::vector<std::optional<std::string_view>>& values) {
  RowWriter writer;
  writer.begin(values.size());
  for (const auto& value : values) value ? writer.add(*value) : writer.add_null();
  return std::string(writer.row());
}

}  // namespace

TEST_CASE("a row is written as PostgreSQL documents it") {
  RowWriter writer;
  writer.begin(4);
  writer.add(std::int64_t{-2});
  writer.add(std::string_view("ab"));
  writer.add_null();
  writer.add(std::string_view());
  const std::string_view expected(
      "\0\4"
      "\0\0\0\10\377\377\377\377\377\377\377\376"
      "\0\0\0\2ab"
      "\377\377\377\377"
      "\0\0\0\0",
      28);
  CHECK(writer.row() == expected);
}

TEST_CASE("a row taken apart has the values that were written, an empty one apart from NULL") {
  const std::string long_one(70'000, 'x');
  const std::vector<std::optional<std::string_view>> rows[] = {
      {}, {"a"}, {"", std::nullopt, ""}, {std::nullopt}, {std::string_view("\0\377", 2), long_one}};
  for (const auto& values : rows) {
    const std::string row = row_of(values);
    RowValues found = {"left over"};
    split_row(row, found);
    CHECK(found == values);
    CHECK(length_of_row(row) == row.size());
    CHECK(length_of_row(row + "more") == row.size());
  }
}

TEST_CASE("the length of a row is known exactly when all of it is there") {
  const std::string row = row_of({"acme", std::nullopt, "", "0123456789"});
  for (std::size_t bytes = 0; bytes < row.size(); ++bytes) {
    CAPTURE(bytes);
    CHECK_FALSE(length_of_row(row.substr(0, bytes)));
  }
}

TEST_CASE("a row that is too short or too long is refused") {
  const std::string row = row_of({"acme", "x"});
  RowValues values;
  for (const std::string& wrong : {std::string(), row.substr(0, row.size() - 1), row + "x", std::string("\0\1", 2)}) {
    CHECK_THROWS_AS(split_row(wrong, values), StoreFailure);
  }
}

TEST_CASE("an integer comes back as it was written, NULL as 0") {
  for (const std::int64_t number : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, std::int64_t{258}, INT64_MAX}) {
    RowWriter writer;
    writer.begin(2);
    writer.add(number);
    writer.add_null();
    RowValues values;
    split_row(writer.row(), values);
    CHECK(integer_of(values[0]) == number);
    CHECK(integer_of(values[1]) == 0);
  }
}

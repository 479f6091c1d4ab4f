#include "store/moving/row.h"

#include "service/ports.h"

namespace cadastre::moving {
namespace {

constexpr std::uint32_t null_length = 0xFFFF'FFFF;
constexpr std::size_t count_bytes = 2;
constexpr std::size_t length_bytes = 4;

template <class Integer>
void append_big_endian(std::string& out, Integer value) {
  for (std::size_t i = sizeof value; i-- > 0;) out += static_cast<char>(value >> (8 * i));
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

void RowWriter::begin(std::size_t values) {
  row_.clear();
  append_big_endian(row_, static_cast<std::uint16_t>(values));
}

void RowWriter::add_null() { append_big_endian(row_, null_length); }

void RowWriter::add(std::int64_t value) {
  append_big_endian(row_, std::uint32_t{sizeof value});
  append_big_endian(row_, static_cast<std::uint64_t>(value));
}

void RowWriter::add(std::string_view bytes) {
  append_big_endian(row_, static_cast<std::uint32_t>(bytes.size()));
  row_ += bytes;
}

void split_row(std::string_view row, RowValues& values) {
  values.clear();
  if (length_of_row(row) != row.size()) throw StoreFailure("PostgreSQL sent a row of another form than it documents");
  const std::uint64_t count = big_endian(row.substr(0, count_bytes));
  row.remove_prefix(count_bytes);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t length = big_endian(row.substr(0, length_bytes));
    row.remove_prefix(length_bytes);
    if (length == null_length) {
      values.emplace_back();
      continue;
    }
    values.emplace_back(row.substr(0, length));
    row.remove_prefix(length);
  }
}

std::optional<std::size_t> length_of_row(std::string_view bytes) {
  if (bytes.size() < count_bytes) return std::nullopt;
  std::size_t end = count_bytes;
  for (std::uint64_t left = big_endian(bytes.substr(0, count_bytes)); left > 0; --left) {
    if (bytes.size() < end + length_bytes) return std::nullopt;
    const std::uint64_t length = big_endian(bytes.substr(end, length_bytes));
    end += length_bytes;
    if (length == null_length) continue;
    if (length > bytes.size() - end) return std::nullopt;
    end += length;
  }
  return end;
}

std::int64_t integer_of(const std::optional<std::string_view>& value) {
  return value ? static_cast<std::int64_t>(big_endian(*value)) : 0;
}

}  // namespace cadastre::moving

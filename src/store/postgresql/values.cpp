#include "store/postgresql/values.h"

#include <charconv>

namespace cadastre::postgresql {
namespace {

constexpr std::size_t array_header_bytes = 20;  // dimensions, has NULLs, element type, length, first index
constexpr std::size_t empty_array_bytes = 12;   // without the last two

template <class Integer>
std::array<char, sizeof(Integer)> big_endian(Integer value) {
  std::array<char, sizeof(Integer)> bytes;
  for (std::size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)));
  return bytes;
}

template <class Integer>
void append(std::string& out, Integer value) {
  const auto bytes = big_endian(value);
  out.append(bytes.data(), bytes.size());
}

void set(std::string& out, std::size_t at, std::uint32_t value) {
  const auto bytes = big_endian(value);
  out.replace(at, bytes.size(), bytes.data(), bytes.size());
}

}  // namespace

void Column::add(const Wire& value) {
  if (bytes_.empty()) {
    bytes_.resize(array_header_bytes);
    set(bytes_, 0, 1);
    set(bytes_, 8, static_cast<std::uint32_t>(value.type));
    set(bytes_, 16, 1);
  }
  ++rows_;
  if (value.is_null) {
    has_null_ = true;
    append(bytes_, std::uint32_t{0xFFFF'FFFF});
  } else if (value.type == Wire::Type::integer) {
    append(bytes_, std::uint32_t{8});
    append(bytes_, static_cast<std::uint64_t>(value.integer));
  } else {
    append(bytes_, static_cast<std::uint32_t>(value.bytes.size()));
    bytes_ += value.bytes;
  }
}

std::string_view Column::bytes() {
  if (bytes_.empty()) {
    bytes_.resize(empty_array_bytes);
    set(bytes_, 8, static_cast<std::uint32_t>(Wire::Type::text));
  }
  if (rows_ > 0) {
    set(bytes_, 4, has_null_ ? 1 : 0);
    set(bytes_, 12, rows_);
  }
  return bytes_;
}

Values::Values(std::size_t count) : integers_(std::make_unique<std::array<char, 8>[]>(count)) {
  data_.reserve(count);
  lengths_.reserve(count);
}

void Values::add(const Wire& value) {
  if (value.is_null) {
    data_.push_back(nullptr);
    lengths_.push_back(0);
    formats_.push_back(1);
  } else if (value.type == Wire::Type::integer) {
    auto& place = integers_[data_.size()];
    place = big_endian(static_cast<std::uint64_t>(value.integer));
    add_bytes({place.data(), place.size()});
  } else {
    add_bytes(value.bytes);
  }
}

void Values::add_bytes(std::string_view bytes) {
  data_.push_back(bytes.empty() ? "" : bytes.data());
  lengths_.push_back(static_cast<int>(bytes.size()));
  formats_.push_back(1);
}

std::size_t Rows::changed() const {
  const std::string_view text = PQcmdTuples(result_.get());
  std::size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::int64_t Rows::integer(int column) const {
  std::uint64_t value = 0;
  for (const char byte : bytes(column)) value = value << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(value);
}

}  // namespace cadastre::postgresql

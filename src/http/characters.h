// Which bytes may stand where in HTTP and URIs, as tables made by the compiler.
#pragma once

#include <array>
#include <string_view>

namespace cadastre::http {

/// A set of bytes.
class ByteSet {
 public:
  explicit constexpr ByteSet(std::string_view members) {
    for (const char c : members) in_[static_cast<unsigned char>(c)] = true;
  }
  constexpr ByteSet with_range(unsigned char first, unsigned char last) const {
    ByteSet wider = *this;
    for (unsigned c = first; c <= last; ++c) wider.in_[c] = true;
    return wider;
  }
  constexpr bool has(char c) const { return in_[static_cast<unsigned char>(c)]; }
  constexpr bool has_all(std::string_view text) const {
    for (const char c : text) {
      if (!has(c)) return false;
    }
    return true;
  }

 private:
  std::array<bool, 256> in_{};
};

constexpr ByteSet digits = ByteSet("").with_range('0', '9');
constexpr ByteSet letters_and_digits = digits.with_range('a', 'z').with_range('A', 'Z');

/// RFC 9110 section 5.6.2: methods and field names.
constexpr ByteSet token_characters = [] {
  return ByteSet("!#$%&'*+-.^_`|~").with_range('0', '9').with_range('a', 'z').with_range('A', 'Z');
}();

/// RFC 9110 section 5.5: visible characters, space, tab and the bytes above ASCII; no other control character.
constexpr ByteSet value_characters = ByteSet("\t").with_range(' ', '~').with_range(0x80, 0xff);

/// RFC 3986 section 3.3 `pchar` and `/`, without `%`.
constexpr ByteSet path_characters = [] {
  return ByteSet("-._~!$&'()*+,;=:@/").with_range('0', '9').with_range('a', 'z').with_range('A', 'Z');
}();

/// The number a hexadecimal digit stands for, or -1.
constexpr int hex_digit(char c) {
  if ('0' <= c && c <= '9') return c - '0';
  if ('a' <= c && c <= 'f') return c - 'a' + 10;
  if ('A' <= c && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The byte that `%XY` at `at` stands for, or -1 when no two hexadecimal digits follow the `%`.
constexpr int escaped_byte(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size()) return -1;
  const int high = hex_digit(text[at + 1]);
  const int low = hex_digit(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace cadastre::http

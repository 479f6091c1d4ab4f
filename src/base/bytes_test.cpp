// Hex and base64, strict both ways.
#include "base/bytes.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

using namespace std::string_view_literals;

TEST_CASE("bytes and their text forms agree (RFC 4648 section 10)") {
  struct Row {
    std::string_view bytes, hex, base64, base64url;
  };
  const Row rows[] = {
      {"", "", "", ""},
      {"f", "66", "Zg==", "Zg"},
      {"fo", "666f", "Zm8=", "Zm8"},
      {"foo", "666f6f", "Zm9v", "Zm9v"},
      {"foob", "666f6f62", "Zm9vYg==", "Zm9vYg"},
      {"fooba", "666f6f6261", "Zm9vYmE=", "Zm9vYmE"},
      {"foobar", "666f6f626172", "Zm9vYmFy", "Zm9vYmFy"},
      {"\xfb\xff\xfe", "fbfffe", "+//+", "-__-"},
      {"\0\0"sv, "0000", "AAA=", "AAA"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.hex);
    CHECK(encode_hex(as_bytes(row.bytes)) == row.hex);
    CHECK(encode_base64(as_bytes(row.bytes)) == row.base64);
    CHECK(encode_base64url(as_bytes(row.bytes)) == row.base64url);
    CHECK(decode_hex(row.hex) == row.bytes);
    CHECK(decode_base64(row.base64) == row.bytes);
    CHECK(decode_base64url(row.base64url) == row.bytes);
  }
}

TEST_CASE("each value has one base64url text") {
  for (const auto text : {"A"sv, "AAAAA"sv, "Zg=="sv, "Zh"sv, "Zm9"sv, "+//+"sv, "Zm9v\n"sv, " Zm8"sv, "Zm 8"sv,
                          "Zm\0v"sv, "Zm9\x80"sv, "Zm9."sv, "Z~8="sv}) {
    CAPTURE(text);
    CHECK_FALSE(decode_base64url(text).has_value());
  }
}

TEST_CASE("at every place only the alphabet is read, and at the end no bit that would be left over") {
  constexpr auto alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"sv;
  constexpr std::size_t left_over[] = {1, 0, 16, 4};  // by length modulo 4: what the last character is a multiple of
  for (const std::size_t length : {2U, 3U, 4U, 6U, 7U, 8U}) {
    for (std::size_t place = 0; place < length; ++place) {
      for (int code = 0; code < 256; ++code) {
        std::string text(length, 'A');
        text[place] = static_cast<char>(code);
        CAPTURE(text);
        const std::size_t value = alphabet.find(text[place]);
        const bool fits = place + 1 < length || length % 4 == 0 || value % left_over[length % 4] == 0;
        const auto bytes = decode_base64url(text);
        REQUIRE(bytes.has_value() == (value != std::string_view::npos && fits));
        if (bytes) CHECK(encode_base64url(as_bytes(*bytes)) == text);
      }
    }
  }
}

TEST_CASE("each value has one base64 text") {
  for (const auto text : {"Zg"sv, "Zg="sv, "Zg==="sv, "Zh=="sv, "Zm9=="sv, "===="sv, "Z==="sv, "-__-"sv, "Zm=v"sv,
                          "Zm9v\n"sv, "Zm9v===="sv}) {
    CAPTURE(text);
    CHECK_FALSE(decode_base64(text).has_value());
  }
}

TEST_CASE("hex is taken in either case and only whole bytes") {
  CHECK(decode_hex("fF") == "\xff");
  for (const auto text : {"f"sv, "0x"sv, "fg"sv, " f"sv, "f\0"sv}) {
    CAPTURE(text);
    CHECK_FALSE(decode_hex(text).has_value());
  }
}

TEST_CASE("an array is made of exactly its number of bytes") {
  CHECK(exactly<3>("abc") == Bytes<3>{'a', 'b', 'c'});
  CHECK(exactly<1>("\xff") == Bytes<1>{255});
  CHECK_FALSE(exactly<3>("ab").has_value());
  CHECK_FALSE(exactly<3>("abcd").has_value());
}

}  // namespace
}  // namespace cadastre

#include "base/bytes.h"

namespace cadastre {
namespace {

constexpr std::string_view standard_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using DecodeTable = std::array<std::int8_t, 256>;

constexpr DecodeTable table_of(std::string_view alphabet) {
  DecodeTable table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

constexpr DecodeTable standard_table = table_of(standard_alphabet);
constexpr DecodeTable url_table = table_of(url_alphabet);

std::string encode(ByteView bytes, std::string_view alphabet) {
  std::string text((bytes.size() * 4 + 2) / 3, '\0');
  char* out = text.data();
  const auto write = [&](std::uint32_t bits, unsigned characters) {
    for (unsigned i = 0; i < characters; ++i) *out++ = alphabet[bits >> (18 - 6 * i) & 63U];
  };
  std::size_t at = 0;
  const auto byte = [&](std::size_t offset) { return static_cast<std::uint32_t>(bytes[at + offset]); };
  for (; at + 3 <= bytes.size(); at += 3) write(byte(0) << 16U | byte(1) << 8U | byte(2), 4);
  if (bytes.size() - at == 1) write(byte(0) << 16U, 2);
  if (bytes.size() - at == 2) write(byte(0) << 16U | byte(1) << 8U, 3);
  return text;
}

std::optional<std::string> decode(std::string_view text, const DecodeTable& table) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes(text.size() * 3 / 4, '\0');
  char* out = bytes.data();
  std::uint32_t seen = 0;  // the highest bit is set once a character was none of the alphabet
  std::size_t at = 0;
  const auto value = [&](std::size_t offset) {
    const std::int32_t found = table[static_cast<unsigned char>(text[at + offset])];
    seen |= static_cast<std::uint32_t>(found);
    return static_cast<std::uint32_t>(found);
  };
  for (; at + 4 <= text.size(); at += 4) {
    const std::uint32_t bits = value(0) << 18U | value(1) << 12U | value(2) << 6U | value(3);
    *out++ = static_cast<char>(bits >> 16U & 255U);
    *out++ = static_cast<char>(bits >> 8U & 255U);
    *out++ = static_cast<char>(bits & 255U);
  }
  std::uint32_t unused = 0;
  if (text.size() - at == 2) {
    const std::uint32_t bits = value(0) << 6U | value(1);
    *out++ = static_cast<char>(bits >> 4U & 255U);
    unused = bits & 15U;
  } else if (text.size() - at == 3) {
    const std::uint32_t bits = value(0) << 12U | value(1) << 6U | value(2);
    *out++ = static_cast<char>(bits >> 10U & 255U);
    *out++ = static_cast<char>(bits >> 2U & 255U);
    unused = bits & 3U;
  }
  if (seen >> 31U != 0 || unused != 0) return std::nullopt;
  return bytes;
}

int hex_digit(char c) {
  if ('0' <= c && c <= '9') return c - '0';
  if ('a' <= c && c <= 'f') return c - 'a' + 10;
  if ('A' <= c && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string encode_hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

std::optional<std::string> decode_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string encode_base64url(ByteView bytes) { return encode(bytes, url_alphabet); }
std::optional<std::string> decode_base64url(std::string_view text) { return decode(text, url_table); }

std::string encode_base64(ByteView bytes) {
  std::string text = encode(bytes, standard_alphabet);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  return decode(text, standard_table);
}

}  // namespace cadastre

// Fixed runs of bytes and their text forms: hex (RFC 4648 section 8) and base64 (sections 4 and 5), strict both ways.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cadastre {

template <std::size_t N>
using Bytes = std::array<std::uint8_t, N>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Lower-case hex.
std::string encode_hex(ByteView bytes);
/// Hex of either case, exactly 2 digits a byte; nothing on anything else.
std::optional<std::string> decode_hex(std::string_view text);

/// base64url without padding (RFC 7515 section 2).
std::string encode_base64url(ByteView bytes);
/// Only the URL alphabet, no padding, no white space, unused trailing bits zero; nothing on anything else.
std::optional<std::string> decode_base64url(std::string_view text);

/// base64 with padding (RFC 4648 section 4).
std::string encode_base64(ByteView bytes);
/// Only the standard alphabet, padding required and exact, unused trailing bits zero; nothing on anything else.
std::optional<std::string> decode_base64(std::string_view text);

/// The bytes of `text` as an array when it has exactly N.
template <std::size_t N>
std::optional<Bytes<N>> exactly(std::string_view bytes) {
  if (bytes.size() != N) return std::nullopt;
  Bytes<N> out;
  for (std::size_t i = 0; i < N; ++i) out[i] = static_cast<std::uint8_t>(bytes[i]);
  return out;
}

/// The place of a digest in a hash table: its bytes are spread evenly already.
struct DigestHash {
  std::size_t operator()(const Bytes<32>& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

}  // namespace cadastre

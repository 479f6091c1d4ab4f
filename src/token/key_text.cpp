#include "token/key_text.h"

#include <algorithm>
#include <iterator>

#include "crypto/sha256.h"

namespace cadastre {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view white_space = " \t\r\n";
constexpr auto private_label = "PRIVATE KEY"sv;
constexpr auto pkcs8_prefix = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"sv;
constexpr auto spki_prefix = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"sv;
constexpr auto openssh_prefix = "\0\0\0\x0bssh-ed25519\0\0\0\x20"sv;

std::unexpected<Refusal> refused(const char* detail) { return refuse(Code::invalid_field, "key", detail); }

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

std::string base64_of(std::string_view prefix, const Bytes<32>& key) {
  return encode_base64(as_bytes(std::string(prefix) + std::string(as_text(key))));
}

/// A block of RFC 7468; what we write fits its one line of at most 64 characters.
std::string pem(std::string_view label, std::string_view base64) {
  std::string text = "-----BEGIN ";
  ((text += label) += "-----\n") += base64;
  ((text += "\n-----END ") += label) += "-----\n";
  return text;
}

Result<PrivateKey> parse_pem(std::string_view text) {
  const std::string header = "-----BEGIN " + std::string(private_label) + "-----";
  const std::string footer = "-----END " + std::string(private_label) + "-----";
  if (!text.starts_with(header) || !text.ends_with(footer) || text.size() < header.size() + footer.size()) {
    return refused("is no plain PKCS#8 private key, such as `openssl genpkey -algorithm ed25519` makes");
  }
  const std::string_view body = text.substr(header.size(), text.size() - header.size() - footer.size());
  std::string base64;
  std::ranges::copy_if(body, std::back_inserter(base64), [](char c) { return !white_space.contains(c); });
  const auto der = decode_base64(base64);
  const bool is_ed25519 = der && der->starts_with(pkcs8_prefix);
  const auto seed = is_ed25519 ? exactly<32>(std::string_view(*der).substr(pkcs8_prefix.size())) : std::nullopt;
  if (!seed) return refused("is no Ed25519 key in PKCS#8 version 1");
  return PrivateKey::from_seed(*seed);
}

}  // namespace

std::string encode_private_key_pem(const PrivateKey& key) {
  return pem(private_label, base64_of(pkcs8_prefix, key.seed()));
}

Result<PrivateKey> parse_private_key(std::string_view text) {
  text = trim(text);
  if (text.starts_with("-----BEGIN")) return parse_pem(text);
  const auto bytes = decode_hex(text);
  const auto seed = bytes ? exactly<32>(*bytes) : std::nullopt;
  if (!seed) return refused("must be a PKCS#8 PEM block or the 64 hex digits of a seed");
  return PrivateKey::from_seed(*seed);
}

std::string encode_public_key_pem(const PublicKey& key) { return pem("PUBLIC KEY", base64_of(spki_prefix, key)); }

std::string encode_openssh_key(const PublicKey& key) { return "ssh-ed25519 " + base64_of(openssh_prefix, key); }

std::string fingerprint_of(const PublicKey& key) {
  std::string text = "SHA256:" + encode_base64(sha256({as_bytes(openssh_prefix), key}));
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

}  // namespace cadastre

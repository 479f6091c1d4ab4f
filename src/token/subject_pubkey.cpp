#include "token/subject_pubkey.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace cadastre {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view white_space = " \t\r\n";
constexpr std::size_t input_bytes_max = 1024;
constexpr int jwk_depth_max = 3;

std::unexpected<Refusal> refused(const char* reason, const char* detail) {
  return refuse(Code::invalid_field, reason, detail);
}
std::unexpected<Refusal> refused_encoding() {
  return refused("encoding",
                 "subject_pubkey must be PEM, an ssh-ed25519 line, a JWK, 64 hex digits or base64 of 32 bytes");
}
std::unexpected<Refusal> refused_length() { return refused("length", "an Ed25519 public key has 32 bytes"); }
std::unexpected<Refusal> refused_key_type() { return refused("key_type", "subject_pubkey must be an Ed25519 key"); }
std::unexpected<Refusal> refused_private() {
  return refused("private_key_material", "this is a private key; it should be replaced, and only its public half sent");
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

/// Any 32 bytes; whether they are a key to use is asked afterwards.
Result<PublicKey> key_of(std::string_view bytes) {
  const auto key = exactly<32>(bytes);
  if (!key) return refused_length();
  return *key;
}

/// base64 or base64url, one alphabet, with or without padding.
std::optional<std::string> decode_either(std::string_view text) {
  std::string_view digits = text;
  for (int padding = 0; padding < 2 && digits.ends_with('='); ++padding) digits.remove_suffix(1);
  if (digits.size() != text.size() && text.size() % 4 != 0) return std::nullopt;
  if (digits.find_first_of("+/") == std::string_view::npos) return decode_base64url(digits);
  std::string padded(digits);
  padded.append((4 - padded.size() % 4) % 4, '=');
  return decode_base64(padded);
}

/// One SubjectPublicKeyInfo block (RFC 7468 section 13) with OID 1.3.101.112 (RFC 8410 section 4).
Result<PublicKey> parse_pem(std::string_view text) {
  constexpr auto header = "-----BEGIN PUBLIC KEY-----"sv;
  constexpr auto footer = "-----END PUBLIC KEY-----"sv;
  constexpr auto ed25519_prefix = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"sv;
  if (!text.starts_with(header)) return refused_key_type();
  if (!text.ends_with(footer) || text.size() < header.size() + footer.size()) return refused_encoding();
  const std::string_view body = text.substr(header.size(), text.size() - header.size() - footer.size());
  std::string base64;
  std::ranges::copy_if(body, std::back_inserter(base64), [](char c) { return !white_space.contains(c); });
  const auto der = decode_base64(base64);
  if (!der) return refused_encoding();
  if (!der->starts_with(ed25519_prefix)) return refused_key_type();
  return key_of(std::string_view(*der).substr(ed25519_prefix.size()));
}

/// `ssh-ed25519 <base64> [comment]` (RFC 8709 section 4).
Result<PublicKey> parse_openssh(std::string_view text) {
  constexpr auto prefix = "\0\0\0\x0bssh-ed25519\0\0\0\x20"sv;
  text = trim(text.substr(text.find(' ')));
  const auto blob = decode_base64(text.substr(0, text.find_first_of(white_space)));
  if (!blob || !blob->starts_with(prefix) || blob->size() != prefix.size() + 32) return refused_encoding();
  return key_of(std::string_view(*blob).substr(prefix.size()));
}

/// The members that hold private numbers in any kind of JWK (RFC 7518 section 6, RFC 8037 section 2).
bool is_private_member(std::string_view name) {
  constexpr std::string_view names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"};
  return std::ranges::find(names, name) != std::end(names);
}

bool is_text(const json::Value* value, std::string_view text) {
  return value != nullptr && value->kind == json::Kind::string && value->text == text;
}

Result<PublicKey> parse_jwk(const json::Value& jwk) {
  const auto has = [&](auto&& condition) {
    return std::ranges::any_of(jwk.members, [&](const json::Member& member) { return condition(member.name); });
  };
  if (has(is_private_member)) return refused_private();
  if (!is_text(jwk.find("kty"), "OKP") || !is_text(jwk.find("crv"), "Ed25519")) return refused_key_type();
  const auto is_unknown = [](std::string_view name) {
    constexpr std::string_view names[] = {"kty", "crv", "x", "kid", "use", "alg", "key_ops"};
    return std::ranges::find(names, name) == std::end(names);
  };
  const json::Value* const x = jwk.find("x");
  if (has(is_unknown) || x == nullptr || x->kind != json::Kind::string) return refused_encoding();
  const auto bytes = decode_base64url(x->text);
  if (!bytes) return refused_encoding();
  return key_of(*bytes);
}

bool is_other_openssh(std::string_view text) {
  constexpr std::string_view prefixes[] = {"ssh-", "sk-", "ecdsa-sha2-"};
  return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return text.starts_with(prefix); });
}

Result<PublicKey> parse_text(std::string_view text) {
  text = trim(text);
  if (text.empty()) return refused("subject_pubkey_empty", "subject_pubkey is empty");
  if (text.contains("PRIVATE KEY") || text.contains("PuTTY-User-Key-File")) return refused_private();
  if (text.size() > input_bytes_max) return refused_length();
  if (text.starts_with("-----BEGIN")) return parse_pem(text);
  if (text.starts_with("ssh-ed25519 ")) return parse_openssh(text);
  if (text.starts_with('{')) {
    const auto outcome = json::parse(text, jwk_depth_max);
    if (!outcome.value) return refused_encoding();
    return parse_jwk(*outcome.value);
  }
  if (is_other_openssh(text)) return refused_key_type();
  if (text.size() == 64) {
    const auto bytes = decode_hex(text);
    if (!bytes) return refused_encoding();
    return key_of(*bytes);
  }
  if (text.size() != 43 && text.size() != 44) return refused_encoding();
  const auto bytes = decode_either(text);
  if (!bytes) return refused_encoding();
  return key_of(*bytes);
}

Result<PublicKey> parse_value(const json::Value& value) {
  if (value.kind == json::Kind::object) return parse_jwk(value);
  if (value.kind == json::Kind::string) return parse_text(value.text);
  return refused("type", "subject_pubkey must be a string or a JWK object");
}

Result<PublicKey> admitted_one(const PublicKey& key, AdmittedKeys& admitted) {
  if (!admitted.admits(key)) return refused("weak_key", "no signature under this key would prove anything");
  return key;
}

}  // namespace

Result<PublicKey> parse_subject_pubkey(std::string_view text) {
  AdmittedKeys none(0);
  return admitted_one(TRY(parse_text(text)), none);
}

Result<PublicKey> parse_subject_pubkey(const json::Value& value, AdmittedKeys& admitted) {
  return admitted_one(TRY(parse_value(value)), admitted);
}

}  // namespace cadastre

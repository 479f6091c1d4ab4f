#include "token/jws.h"

#include <array>
#include <utility>

namespace cadastre {
namespace {

constexpr int json_depth_max = 5;
constexpr std::size_t digest_chars = 43;  // 32 bytes in base64url

/// Cuts `text` at its dots; nothing unless there are exactly three parts.
std::optional<std::array<std::string_view, 3>> split(std::string_view text) {
  const std::size_t first = text.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return std::array{text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

/// A proof of either kind names the key that signed it.
bool has_own_key(ObjectKind kind) { return kind == ObjectKind::proof || kind == ObjectKind::enrolment; }

/// The members that a header of that kind has, all of them and no others.
bool belongs_to_header(ObjectKind kind, std::string_view name) {
  if (name == "alg" || name == "typ") return true;
  return (kind == ObjectKind::capability && name == "kid") || (has_own_key(kind) && name == "jwk");
}

bool is_text(const json::Value* value, std::string_view text) {
  return value != nullptr && value->kind == json::Kind::string && value->text == text;
}

}  // namespace

std::string_view name_of(AlgorithmName name) { return name == AlgorithmName::eddsa ? "EdDSA" : "Ed25519"; }

std::string_view name_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::capability: return "cadastre-cap+jwt";
    case ObjectKind::link: return "cadastre-link+jwt";
    case ObjectKind::proof: return "dpop+jwt";
    case ObjectKind::session_proof: return "cadastre-session+jwt";
    case ObjectKind::enrolment: return "cadastre-enrol+jwt";
  }
  std::unreachable();
}

Checked<Jws> decode_jws(std::string_view text) {
  if (text.size() > element_chars_max) return fault("token_too_large");
  const auto parts = split(text);
  if (!parts) return fault("malformed_jws");
  auto header = decode_base64url((*parts)[0]);
  auto payload = decode_base64url((*parts)[1]);
  const auto raw_signature = decode_base64url((*parts)[2]);
  if (!header || !payload || !raw_signature) return fault("bad_base64url");
  if (header->size() > header_bytes_max || payload->size() > payload_bytes_max) return fault("token_too_large");
  const auto signature = exactly<64>(*raw_signature);
  if (!signature) return fault("signature_invalid");
  return Jws{.signing_input = text.substr(0, (*parts)[0].size() + 1 + (*parts)[1].size()),
             .header = *std::move(header),
             .payload = *std::move(payload),
             .signature = *signature};
}

Checked<json::Value> decode_object(std::string_view text) {
  auto outcome = json::parse(text, json_depth_max);
  if (!outcome.value) {
    return fault(outcome.fault == json::Fault::duplicate_member ? "duplicate_member" : "malformed_json");
  }
  if (outcome.value->kind != json::Kind::object) return fault("malformed_json");
  return *std::move(outcome.value);
}

Checked<JwsHeader> decode_header(std::string_view text, ObjectKind kind) {
  const json::Value header = TRY(decode_object(text));
  for (const json::Member& member : header.members) {
    if (!belongs_to_header(kind, member.name)) return fault_about("unknown_header_param", member.name);
  }
  const json::Value* const algorithm = header.find("alg");
  if (!is_text(algorithm, name_of(AlgorithmName::eddsa)) && !is_text(algorithm, name_of(AlgorithmName::ed25519))) {
    return fault("bad_alg");
  }
  if (!is_text(header.find("typ"), name_of(kind))) return fault("bad_typ");
  JwsHeader read;
  if (kind == ObjectKind::capability) {
    const json::Value* const kid = header.find("kid");
    if (kid == nullptr || kid->kind != json::Kind::string || !decode_digest(kid->text)) return fault("bad_kid");
    read.kid = kid->text;
  }
  if (has_own_key(kind)) {
    const json::Value* const jwk = header.find("jwk");
    if (jwk == nullptr) return fault("bad_cnf");
    read.jwk = TRY(decode_jwk(*jwk));
  }
  return read;
}

RevocationId rid_of(std::string_view signing_input) { return sha256(signing_input); }

void append_jwk(std::string& out, const PublicKey& key) {
  json::Object(out).field("crv", "Ed25519").field("kty", "OKP").field("x", encode_base64url(key)).end();
}

Digest thumbprint(const PublicKey& key) {
  std::string canonical;
  append_jwk(canonical, key);
  return sha256(canonical);
}

Checked<PublicKey> decode_jwk(const json::Value& jwk) {
  if (jwk.find("d") != nullptr) return fault("bad_cnf:private");
  const json::Value* const x = jwk.find("x");
  const bool is_ed25519 = is_text(jwk.find("kty"), "OKP") && is_text(jwk.find("crv"), "Ed25519");
  if (!is_ed25519 || jwk.members.size() != 3 || x == nullptr || x->kind != json::Kind::string) return fault("bad_cnf");
  const auto key = decode_digest(x->text);
  if (!key) return fault("bad_cnf");
  return *key;
}

std::string sign_jws(std::string_view header, std::string_view payload, const PrivateKey& key) {
  std::string text = encode_base64url(as_bytes(header));
  text += '.';
  text += encode_base64url(as_bytes(payload));
  const Signature signature = key.sign(as_bytes(text));
  text += '.';
  text += encode_base64url(signature);
  return text;
}

std::optional<Bytes<32>> decode_digest(std::string_view text) {
  if (text.size() != digest_chars) return std::nullopt;
  const auto bytes = decode_base64url(text);
  return bytes ? exactly<32>(*bytes) : std::nullopt;
}

}  // namespace cadastre

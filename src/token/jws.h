// The compact JWS (RFC 7515) as TOKENS.md sections 2, 3 and 7 narrow it, and the keys inside (RFC 7517, 7638, 8037).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "domain/issued_token.h"
#include "token/fault.h"

namespace cadastre {

/// The spellings of the one algorithm: RFC 8037's, which most libraries know, and RFC 9864's.
enum class AlgorithmName { eddsa, ed25519 };
std::string_view name_of(AlgorithmName name);

/// What each object says it is (`typ`).
enum class ObjectKind { capability, link, proof, session_proof, enrolment };
std::string_view name_of(ObjectKind kind);

constexpr std::size_t element_chars_max = 2048;
constexpr std::size_t header_bytes_max = 256;
constexpr std::size_t payload_bytes_max = 1536;

/// A split and decoded JWS; nothing in it has been verified. `signing_input` points into the text it was read from.
struct Jws {
  std::string_view signing_input;  ///< `header "." payload` as received.
  std::string header;              ///< The decoded JSON text.
  std::string payload;             ///< The decoded JSON text.
  Signature signature{};
};

/// Splits and decodes. Refuses with `token_too_large`, `malformed_jws`, `bad_base64url` or `signature_invalid` (when
/// the signature is not 64 bytes).
Checked<Jws> decode_jws(std::string_view text);

struct JwsHeader {
  std::string kid;  ///< Of a capability: 43 characters.
  PublicKey jwk{};  ///< Of a proof of either kind.
};

/// Reads the header of an object of that kind, which has exactly the members of TOKENS.md section 3. Refuses with
/// `malformed_json`, `duplicate_member`, `unknown_header_param:x`, `bad_alg`, `bad_typ`, `bad_kid` or `bad_cnf`.
Checked<JwsHeader> decode_header(std::string_view text, ObjectKind kind);

/// Reads a JSON object under the rules of TOKENS.md section 2. Refuses with `malformed_json` or `duplicate_member`.
Checked<json::Value> decode_object(std::string_view text);

/// The SHA-256 of the signing input; it names the element for ever (TOKENS.md section 2).
RevocationId rid_of(std::string_view signing_input);

/// The RFC 7638 thumbprint of an Ed25519 public key; as text it is 43 characters of base64url.
Digest thumbprint(const PublicKey& key);

/// Appends `{"crv":"Ed25519","kty":"OKP","x":…}`.
void append_jwk(std::string& out, const PublicKey& key);

/// The key of a JWK with exactly `crv`, `kty` and `x`. Refuses with `bad_cnf`, or `bad_cnf:private` when it has a `d`.
/// Admission (TOKENS.md section 6) is another question.
Checked<PublicKey> decode_jwk(const json::Value& jwk);

/// `signing_input "." signature`, the compact form.
std::string sign_jws(std::string_view header, std::string_view payload, const PrivateKey& key);

/// 43 characters of base64url as 32 bytes; nothing on anything else.
std::optional<Bytes<32>> decode_digest(std::string_view text);

}  // namespace cadastre

// The public key that a token is to be bound to, in any of the forms in which people have one (TOKENS.md section 6).
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "crypto/ed25519.h"
#include "token/admitted_keys.h"

namespace cadastre {

/// Reads a PEM SubjectPublicKeyInfo block, an OpenSSH line, a JWK, 64 hex digits or 43 to 44 characters of base64.
/// Refuses with the reason as the subject: `subject_pubkey_empty`, `type`, `length`, `encoding`, `key_type`, `weak_key`
/// (key admission), or `private_key_material` when a private key came; then the request must not be logged.
Result<PublicKey> parse_subject_pubkey(std::string_view text);
/// The same from a request's member: a string, or a JWK as an object. `admitted` knows the key afterwards.
Result<PublicKey> parse_subject_pubkey(const json::Value& value, AdmittedKeys& admitted);

}  // namespace cadastre

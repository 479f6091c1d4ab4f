// An Ed25519 key pair as the text that other programs read and write.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/ed25519.h"

namespace cadastre {

/// One unencrypted PKCS#8 block (RFC 8410 section 7), as `openssl genpkey -algorithm ed25519` writes it.
std::string encode_private_key_pem(const PrivateKey& key);
/// Reads that block, or the 64 hex digits of a seed; white space around them is ignored. Refuses anything else, naming
/// `key`; what was read never stands in the refusal.
Result<PrivateKey> parse_private_key(std::string_view text);

/// One SubjectPublicKeyInfo block (RFC 8410 section 4).
std::string encode_public_key_pem(const PublicKey& key);
/// `ssh-ed25519 <base64>` (RFC 8709 section 4), without a comment.
std::string encode_openssh_key(const PublicKey& key);
/// `SHA256:<base64>` of the OpenSSH form, as `ssh-keygen -l` shows it: for people to compare.
std::string fingerprint_of(const PublicKey& key);

}  // namespace cadastre

// The proof that opens a session: the holder of a token's key signs a challenge, once (TOKENS.md section 14a).
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "crypto/ed25519.h"
#include "token/jws.h"

namespace cadastre {

/// A proof as it came in; nothing in it has been verified. It points into the text it was read from.
struct SessionProof {
  Jws jws;
  std::string audience;
  Bytes<32> nonce{};
  RevocationId rid{};
};

/// Reads a `cadastre-session+jwt`: a header of `alg` and `typ`, a payload of `aud`, `iat`, `jti`, `nonce` and `rid`.
/// Refuses with the reasons of `decode_jws`, `decode_header` and `decode_proof_payload`; `claim_type:x` for a
/// nonce or rid that is not 32 bytes and for a jti that is not 16 to 32.
Checked<SessionProof> decode_session_proof(std::string_view text);

/// Whom a proof must be by and for.
struct SessionExpectation {
  std::string_view audience;  ///< Of the deployment.
  PublicKey holder{};         ///< The key of the token's last element.
  RevocationId rid{};         ///< Of that element.
};

/// Refuses with `session_signature`, `session_aud` or `session_rid`. The nonce is for the register to compare; `iat` is
/// not looked at, so that no client's clock matters.
Checked<void> check_session_proof(const SessionProof& proof, const SessionExpectation& expected);

/// A proof as both want it, by the key's holder. `id` is drawn.
std::string make_session_proof(const SessionExpectation& expected, const Bytes<32>& nonce, const PrivateKey& key,
                               const Bytes<16>& id, Instant now);

}  // namespace cadastre

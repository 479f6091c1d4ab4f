// Proof of possession at a device's enrolment: the device signs a nonce that the server drew (TOKENS.md section 14).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "crypto/ed25519.h"
#include "token/fault.h"

namespace cadastre {

/// What the payload of a proof says, whoever wrote it.
struct EnrolmentClaims {
  std::string audience;
  std::string tenant;
  std::string device;
  Bytes<32> nonce{};
  std::int64_t issued_at_s = 0;  ///< Read, and never compared: the nonce says what is fresh.
};

/// Reads a payload with exactly `aud`, `tid`, `device_id`, `nonce`, `iat`, `jti`, with the reasons of TOKENS.md section
/// 16, steps 4 and 7.
Checked<EnrolmentClaims> decode_enrolment_claims(std::string_view payload);

/// What a proof says, whoever made it: nothing of it is to be believed before `check_enrolment_proof`.
struct EnrolmentProof : EnrolmentClaims {
  PublicKey key{};         ///< Of its header.
  bool is_signed = false;  ///< Whether the signature holds under `key`.
};

/// Reads a proof. Refuses what is no `cadastre-enrol+jwt` with exactly the members `alg`, `jwk` and `typ`, with the
/// reasons of TOKENS.md section 16, step 4, and what `decode_enrolment_claims` refuses. A signature that does not hold
/// is not refused here, so that the attempt can be counted against the nonce.
Checked<EnrolmentProof> read_enrolment_proof(std::string_view text);

/// What a challenge was made for.
struct EnrolmentTarget {
  PublicKey key{};
  std::string_view audience;
  std::string_view tenant;
  std::string_view device;
};

/// Whether the proof is the one that was asked for. Refuses with `enrol_key_mismatch`, `weak_key`, `signature_invalid`,
/// `bad_audience`, `enrol_tenant_mismatch` or `enrol_device_mismatch`.
Checked<void> check_enrolment_proof(const EnrolmentProof& proof, const EnrolmentTarget& target);

/// What the holder of `key` signs to answer a challenge. `id` is drawn; of the target, `key` is the holder's own.
std::string make_enrolment_proof(const EnrolmentTarget& target, const Bytes<32>& nonce, const PrivateKey& key,
                                 const Bytes<16>& id, std::int64_t now_s);

}  // namespace cadastre

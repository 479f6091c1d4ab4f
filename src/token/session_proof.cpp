#include "token/session_proof.h"

#include "token/claims.h"
#include "token/proof_claims.h"

namespace cadastre {

Checked<SessionProof> decode_session_proof(std::string_view text) {
  SessionProof proof{.jws = TRY(decode_jws(text))};
  TRY(decode_header(proof.jws.header, ObjectKind::session_proof));
  std::string nonce;
  std::string rid;
  std::string id;
  static_cast<void>(TRY(decode_proof_payload(
      proof.jws.payload, {{"aud", &proof.audience}, {"jti", &id}, {"nonce", &nonce}, {"rid", &rid}})));
  if (!is_jti(id, chosen_jti_bytes_max)) return fault("claim_type:jti");
  const auto nonce_bytes = decode_digest(nonce);
  if (!nonce_bytes) return fault("claim_type:nonce");
  const auto rid_bytes = decode_digest(rid);
  if (!rid_bytes) return fault("claim_type:rid");
  proof.nonce = *nonce_bytes;
  proof.rid = *rid_bytes;
  return proof;
}

Checked<void> check_session_proof(const SessionProof& proof, const SessionExpectation& expected) {
  if (!verify(expected.holder, as_bytes(proof.jws.signing_input), proof.jws.signature)) {
    return fault(FaultKind::proof, "session_signature");
  }
  if (proof.audience != expected.audience) return fault(FaultKind::proof, "session_aud");
  if (proof.rid != expected.rid) return fault(FaultKind::proof, "session_rid");
  return {};
}

std::string make_session_proof(const SessionExpectation& expected, const Bytes<32>& nonce, const PrivateKey& key,
                               const Bytes<16>& id, Instant now) {
  std::string header;
  json::Object(header)
      .field("alg", name_of(AlgorithmName::eddsa))
      .field("typ", name_of(ObjectKind::session_proof))
      .end();
  std::string payload;
  json::Object(payload)
      .field("aud", expected.audience)
      .field("iat", s_since_epoch(now))
      .field("jti", encode_base64url(id))
      .field("nonce", encode_base64url(nonce))
      .field("rid", encode_base64url(expected.rid))
      .end();
  return sign_jws(header, payload, key);
}

}  // namespace cadastre

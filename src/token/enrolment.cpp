#include "token/enrolment.h"

#include <algorithm>
#include <iterator>

#include "token/claims.h"
#include "token/jws.h"

namespace cadastre {
namespace {

constexpr std::string_view claim_names[] = {"aud", "tid", "device_id", "nonce", "iat", "jti"};

/// Every claim is there, and no other.
Checked<void> check_names(const json::Value& payload) {
  for (const std::string_view name : claim_names) {
    if (payload.find(name) == nullptr) return fault_about("claim_missing", name);
  }
  for (const json::Member& member : payload.members) {
    if (std::ranges::find(claim_names, std::string_view(member.name)) == std::end(claim_names)) {
      return fault_about("unknown_claim", member.name);
    }
  }
  return {};
}

Checked<std::string> text_of(const json::Value& payload, std::string_view name) {
  const json::Value& value = *payload.find(name);
  if (value.kind != json::Kind::string || value.text.empty()) return fault_about("claim_type", name);
  return value.text;
}

}  // namespace

Checked<EnrolmentClaims> decode_enrolment_claims(std::string_view payload) {
  const json::Value object = TRY(decode_object(payload));
  TRY(check_names(object));
  EnrolmentClaims claims{.audience = TRY(text_of(object, "aud")),
                         .tenant = TRY(text_of(object, "tid")),
                         .device = TRY(text_of(object, "device_id"))};
  const auto nonce = decode_digest(TRY(text_of(object, "nonce")));
  if (!nonce) return fault("claim_type:nonce");
  claims.nonce = *nonce;
  const auto issued_at = numeric_date(*object.find("iat"));
  if (!issued_at) return fault("claim_type:iat");
  claims.issued_at_s = *issued_at;
  if (!is_jti(TRY(text_of(object, "jti")), chosen_jti_bytes_max)) return fault("claim_type:jti");
  return claims;
}

Checked<EnrolmentProof> read_enrolment_proof(std::string_view text) {
  const Jws jws = TRY(decode_jws(text));
  const JwsHeader header = TRY(decode_header(jws.header, ObjectKind::enrolment));
  EnrolmentProof proof{TRY(decode_enrolment_claims(jws.payload))};
  proof.key = header.jwk;
  proof.is_signed = verify(header.jwk, as_bytes(jws.signing_input), jws.signature);
  return proof;
}

Checked<void> check_enrolment_proof(const EnrolmentProof& proof, const EnrolmentTarget& target) {
  if (proof.key != target.key) return fault("enrol_key_mismatch");
  if (!is_admissible(proof.key)) return fault("weak_key");
  if (!proof.is_signed) return fault("signature_invalid");
  if (proof.audience != target.audience) return fault("bad_audience");
  if (proof.tenant != target.tenant) return fault("enrol_tenant_mismatch");
  if (proof.device != target.device) return fault("enrol_device_mismatch");
  return {};
}

std::string make_enrolment_proof(const EnrolmentTarget& target, const Bytes<32>& nonce, const PrivateKey& key,
                                 const Bytes<16>& id, std::int64_t now_s) {
  std::string header;
  json::Object fields(header);
  append_jwk(fields.field("alg", name_of(AlgorithmName::eddsa)).key("jwk"), key.public_key());
  fields.field("typ", name_of(ObjectKind::enrolment)).end();
  std::string payload;
  json::Object(payload)
      .field("aud", target.audience)
      .field("device_id", target.device)
      .field("iat", now_s)
      .field("jti", encode_base64url(id))
      .field("nonce", encode_base64url(nonce))
      .field("tid", target.tenant)
      .end();
  return sign_jws(header, payload, key);
}

}  // namespace cadastre

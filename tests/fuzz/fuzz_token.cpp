// The token's readers: no credential, header, payload, key or proof crashes them, and no credential is accepted that
// our key has not signed as it stands.
#include <string>

#include "base/invariant.h"
#include "token/enrolment.h"
#include "token/proof.h"
#include "token/session_proof.h"
#include "token/subject_pubkey.h"
#include "token/verify.h"

namespace cadastre {
namespace {

/// A credential that holds, made once.
struct Good {
  PrivateKey issuer = PrivateKey::from_seed(Bytes<32>{1});
  PrivateKey holder = PrivateKey::from_seed(Bytes<32>{2});
  VerifierRules rules{.issuer = "https://issuer.example", .audience = "cadastre:test", .service = "", .links_max = 8};
  IssuerKeys keys;
  Instant now = instant_from_s(1'800'000'000);
  std::string credential;

  Good() {
    keys.put(issuer.public_key(), IssuerKeyState::active);
    const Claims claims{.issuer = rules.issuer,
                        .audience = rules.audience,
                        .tenant = *TenantId::parse("acme-corp"),
                        .scope = Scope::tenant_admin(),
                        .subject = holder.public_key(),
                        .issued_at_s = 1'799'999'000,
                        .not_before_s = 1'799'999'000,
                        .expires_at_s = 1'800'003'600,
                        .delegable_depth = 8,
                        .caveats = R"([{"method":["GET"]}])"};
    credential = mint(claims, issuer)->text;
  }
};

void read_parts(const Good& good, std::string_view text, AdmittedKeys& admitted) {
  const auto token = verify_token(text, good.rules, good.keys, admitted, good.now);
  CHECK_INVARIANT(!token || text.starts_with(good.credential));
  for (const ObjectKind kind : {ObjectKind::capability, ObjectKind::link, ObjectKind::proof, ObjectKind::session_proof,
                                ObjectKind::enrolment}) {
    static_cast<void>(decode_header(text, kind));
    const auto claims = decode_claims(text, kind);
    if (claims && claims->caveats) static_cast<void>(decode_caveats(*claims->caveats, 0));
  }
  const std::string_view fields[] = {text};
  static_cast<void>(decode_authorization(fields, {}));
  static_cast<void>(normal_url(text));
  static_cast<void>(decode_session_proof(text));
  static_cast<void>(read_enrolment_proof(text));
  static_cast<void>(parse_subject_pubkey(text));
}

/// The rest of the text as a link or a proof that its rightful key has signed, so that the checks behind it are
/// reached.
void read_signed(const Good& good, std::string_view text, AdmittedKeys& admitted) {
  const std::string link = sign_jws(R"({"alg":"EdDSA","typ":"cadastre-link+jwt"})", text, good.holder);
  static_cast<void>(verify_token(good.credential + "~" + link, good.rules, good.keys, admitted, good.now));
  const auto token = verify_token(good.credential, good.rules, good.keys, admitted, good.now);
  CHECK_INVARIANT(token.has_value());
  std::string header = R"({"alg":"EdDSA","jwk":)";
  append_jwk(header, good.holder.public_key());
  const std::string proof = sign_jws(header + R"(,"typ":"dpop+jwt"})", text, good.holder);
  ReplayMemory memory;
  const Presented presented{.scheme = AuthorizationScheme::dpop, .credential = good.credential, .proof = proof};
  static_cast<void>(
      check_proof(*token, presented, {.method = "GET", .url = "https://issuer.example/v1/vms"}, memory, good.now));
  const auto enrolment = read_enrolment_proof(sign_jws(header + R"(,"typ":"cadastre-enrol+jwt"})", text, good.holder));
  CHECK_INVARIANT(!enrolment || (enrolment->is_signed && enrolment->key == good.holder.public_key()));
}

}  // namespace
}  // namespace cadastre

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const cadastre::Good good;
  static cadastre::AdmittedKeys admitted;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  cadastre::read_parts(good, text, admitted);
  cadastre::read_signed(good, text, admitted);
  return 0;
}

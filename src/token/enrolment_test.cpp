// A proof at enrolment is good for one key, one deployment, one tenant, one device and one nonce.
#include "token/enrolment.h"

#include <doctest/doctest.h>

#include "token/test_data.h"

namespace cadastre {
namespace {

struct EnrolmentWorld : TokenWorld {
  Bytes<32> nonce{9};
  EnrolmentTarget target{
      .key = holder.public_key(), .audience = "cadastre:test", .tenant = "acme-corp", .device = "node-1"};

  std::string proof_header() const {
    std::string text = R"({"alg":"EdDSA","jwk":)";
    append_jwk(text, holder.public_key());
    return text + R"(,"typ":"cadastre-enrol+jwt"})";
  }
  std::string proof_payload() const {
    return R"({"aud":"cadastre:test","device_id":"node-1","iat":1800000000,"jti":"AAAAAAAAAAAAAAAAAAAAAA","nonce":")" +
           encode_base64url(nonce) + R"(","tid":"acme-corp"})";
  }
  std::string answer_to(std::string_view proof) const {
    const auto read = read_enrolment_proof(proof);
    if (!read) return read.error().reason;
    if (read->nonce != nonce) return "another nonce";
    return reason_of(check_enrolment_proof(*read, target));
  }
};

TEST_CASE("a proof that was made is good for its challenge, whatever the device's clock says") {
  const EnrolmentWorld world;
  for (const std::int64_t now_s : {std::int64_t{0}, world.now_s, std::int64_t{9'007'199'254'740'991}}) {
    CHECK(world.answer_to(make_enrolment_proof(world.target, world.nonce, world.holder, Bytes<16>{1}, now_s)) == "ok");
  }
}

TEST_CASE("each claim of a proof at enrolment is checked") {
  struct Row {
    std::string_view what, with, reason;
  };
  const Row rows[] = {
      {"", "", "ok"},
      {"cadastre:test", "cadastre:other", "bad_audience"},
      {"cadastre:test", "cadastre:test/control", "bad_audience"},
      {R"("cadastre:test")", R"(["cadastre:test"])", "claim_type:aud"},
      {"acme-corp", "zeta", "enrol_tenant_mismatch"},
      {"acme-corp", "ACME-CORP", "enrol_tenant_mismatch"},
      {R"("acme-corp")", "null", "claim_type:tid"},
      {R"(,"tid":"acme-corp")", "", "claim_missing:tid"},
      {"node-1", "node-2", "enrol_device_mismatch"},
      {"node-1", "", "claim_type:device_id"},
      {R"("device_id":"node-1",)", "", "claim_missing:device_id"},
      {R"("nonce":"CQ)", R"("nonce":"CA)", "another nonce"},
      {R"("nonce":"CQ)", R"("nonce":"CQA)", "claim_type:nonce"},
      {R"("nonce":")", R"("nonce":1,"n":")", "unknown_claim:n"},
      {R"("iat":1800000000)", R"("iat":-1)", "claim_type:iat"},
      {R"("iat":1800000000)", R"("iat":1.5)", "claim_type:iat"},
      {R"("iat":1800000000)", R"("iat":"now")", "claim_type:iat"},
      {R"("iat":1800000000,)", "", "claim_missing:iat"},
      {R"("jti":"AAAAAAAAAAAAAAAAAAAAAA")", R"("jti":"AAAAAAAAAAAAAAAAAAAA")", "claim_type:jti"},
      {R"("jti":"AAAAAAAAAAAAAAAAAAAAAA")", R"("jti":"AAAAAAAAAAAAAAAAAAAAAB")", "claim_type:jti"},
      {R"("jti":"AAAAAAAAAAAAAAAAAAAAAA",)", "", "claim_missing:jti"},
      {R"("jti")", R"("exp":1800000300,"jti")", "unknown_claim:exp"},
      {R"("jti")", R"("aud":"cadastre:test","jti")", "duplicate_member"},
      {R"({"aud")", R"([{"aud")", "malformed_json"},
  };
  const EnrolmentWorld world;
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CAPTURE(row.with);
    const std::string payload = EnrolmentWorld::replaced(world.proof_payload(), row.what, row.with);
    CHECK(world.answer_to(sign_jws(world.proof_header(), payload, world.holder)) == row.reason);
  }
}

TEST_CASE("a proof at enrolment is of its own type, and names the key that signed it and no private one") {
  struct Row {
    std::string_view what, with, reason;
  };
  const Row rows[] = {
      {"", "", "ok"},
      {"EdDSA", "Ed25519", "ok"},
      {"EdDSA", "none", "bad_alg"},
      {"EdDSA", "HS256", "bad_alg"},
      {"cadastre-enrol+jwt", "dpop+jwt", "bad_typ"},
      {"cadastre-enrol+jwt", "JWT", "bad_typ"},
      {R"("typ")", R"("kid":"x","typ")", "unknown_header_param:kid"},
      {R"("crv")", R"("d":"AA","crv")", "bad_cnf:private"},
      {R"("Ed25519")", R"("X25519")", "bad_cnf"},
      {R"("jwk":)", R"("jwk":"x","jwk":)", "duplicate_member"},
  };
  const EnrolmentWorld world;
  for (const Row& row : rows) {
    CAPTURE(row.with);
    const std::string header = EnrolmentWorld::replaced(world.proof_header(), row.what, row.with);
    CHECK(world.answer_to(sign_jws(header, world.proof_payload(), world.holder)) == row.reason);
  }
  CHECK(world.answer_to(sign_jws(R"({"alg":"EdDSA","typ":"cadastre-enrol+jwt"})", world.proof_payload(),
                                 world.holder)) == "bad_cnf");
  CHECK(world.answer_to("") == "malformed_jws");
  CHECK(world.answer_to("a.b.c") == "bad_base64url");
  CHECK(world.answer_to(std::string(3000, 'a')) == "token_too_large");
}

TEST_CASE("only the key of the challenge answers it") {
  const EnrolmentWorld world;
  EnrolmentTarget of_stranger = world.target;
  of_stranger.key = world.stranger.public_key();
  const std::string by_stranger =
      make_enrolment_proof(of_stranger, world.nonce, world.stranger, Bytes<16>{1}, world.now_s);
  CHECK(world.answer_to(by_stranger) == "enrol_key_mismatch");
  CHECK(world.answer_to(sign_jws(world.proof_header(), world.proof_payload(), world.stranger)) == "signature_invalid");

  // A key of small order, under which a lax verifier takes signatures that nobody made.
  EnrolmentWorld weak;
  weak.target.key = PublicKey{1};
  std::string header = R"({"alg":"EdDSA","jwk":)";
  append_jwk(header, weak.target.key);
  header += R"(,"typ":"cadastre-enrol+jwt"})";
  CHECK(weak.answer_to(sign_jws(header, weak.proof_payload(), weak.holder)) == "weak_key");
}

}  // namespace
}  // namespace cadastre

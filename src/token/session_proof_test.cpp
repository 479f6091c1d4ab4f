// The proof that opens a session: each part of it is checked, and nothing more may stand in it.
#include "token/session_proof.h"

#include <doctest/doctest.h>

#include "token/test_data.h"

namespace cadastre {
namespace {

constexpr Bytes<32> nonce{9};
constexpr RevocationId rid{8};

struct SessionWorld : TokenWorld {
  SessionExpectation expected{.audience = "cadastre:test", .holder = holder.public_key(), .rid = rid};

  static std::string header() { return R"({"alg":"EdDSA","typ":"cadastre-session+jwt"})"; }
  std::string payload() const {
    return R"({"aud":"cadastre:test","iat":)" + std::to_string(now_s) + R"(,"jti":"AAAAAAAAAAAAAAAAAAAAAA","nonce":")" +
           encode_base64url(nonce) + R"(","rid":")" + encode_base64url(rid) + R"("})";
  }
  std::string reason(const std::string& text) const { return reason(text, expected); }
  static std::string reason(const std::string& text, const SessionExpectation& expectation) {
    const auto proof = decode_session_proof(text);
    if (!proof) return proof.error().reason;
    CHECK(proof->nonce == nonce);
    return reason_of(check_session_proof(*proof, expectation));
  }
};

TEST_CASE("a proof that was made opens a session of its token, and of no other") {
  const SessionWorld world;
  const std::string text = make_session_proof(world.expected, nonce, world.holder, Bytes<16>{1}, world.now());
  CHECK(world.reason(text) == "ok");
  SessionExpectation other = world.expected;
  other.holder = world.stranger.public_key();
  CHECK(world.reason(text, other) == "session_signature");
  other = world.expected;
  other.audience = "cadastre:other";
  CHECK(world.reason(text, other) == "session_aud");
  other = world.expected;
  other.rid = RevocationId{7};
  CHECK(world.reason(text, other) == "session_rid");
}

TEST_CASE("each part of a session's proof is checked") {
  struct Row {
    std::string_view what, with, reason;
  };
  const SessionWorld world;
  const Row headers[] = {
      {"", "", "ok"},
      {R"("EdDSA")", R"("Ed25519")", "ok"},
      {R"("EdDSA")", R"("none")", "bad_alg"},
      {R"("EdDSA")", R"("HS256")", "bad_alg"},
      {"cadastre-session+jwt", "dpop+jwt", "bad_typ"},
      {"cadastre-session+jwt", "cadastre-link+jwt", "bad_typ"},
      {R"({"alg")", R"({"kid":"x","alg")", "unknown_header_param:kid"},
      {R"({"alg")", R"({"jwk":{},"alg")", "unknown_header_param:jwk"},
      {R"({"alg")", R"({"alg":"EdDSA","alg")", "duplicate_member"},
      {"{", "[", "malformed_json"},
  };
  for (const Row& row : headers) {
    CAPTURE(row.with);
    const std::string header = SessionWorld::replaced(SessionWorld::header(), row.what, row.with);
    CHECK(world.reason(sign_jws(header, world.payload(), world.holder)) == row.reason);
  }
  const Row payloads[] = {
      {R"("aud":"cadastre:test")", R"("aud":"cadastre:tes")", "session_aud"},
      {R"("aud":"cadastre:test")", R"("aud":["cadastre:test"])", "claim_type:aud"},
      {R"("aud":"cadastre:test",)", "", "claim_missing:aud"},
      {R"("iat":1800000000)", R"("iat":1)", "ok"},
      {R"("iat":1800000000)", R"("iat":18e8)", "claim_type:iat"},
      {R"("iat":1800000000,)", "", "claim_missing:iat"},
      {R"("jti":"AAAA)", R"("jti":")", "claim_type:jti"},
      {R"("jti":"AAAAAAAAAAAAAAAAAAAAAA")", R"("jti":"")", "claim_type:jti"},
      {R"("jti":"AAAAAAAAAAAAAAAAAAAAAA",)", "", "claim_missing:jti"},
      {R"("nonce":"CQ)", R"("nonce":")", "claim_type:nonce"},
      {R"("nonce":"CQ)", R"("nonce":"+Q)", "claim_type:nonce"},
      {R"("rid":"CA)", R"("rid":"CQ)", "session_rid"},
      {R"("rid":"CA)", R"("rid":")", "claim_type:rid"},
      {R"({"aud")", R"({"exp":1,"aud")", "unknown_claim:exp"},
      {R"({"aud")", R"({"aud":"cadastre:test","aud")", "duplicate_member"},
      {"}", "} ", "ok"},
      {"}", "}}", "malformed_json"},
  };
  for (const Row& row : payloads) {
    CAPTURE(row.with);
    const std::string payload = SessionWorld::replaced(world.payload(), row.what, row.with);
    CHECK(world.reason(sign_jws(SessionWorld::header(), payload, world.holder)) == row.reason);
  }
}

TEST_CASE("what is no proof of a session is refused before anything in it is believed") {
  const SessionWorld world;
  const std::string good = make_session_proof(world.expected, nonce, world.holder, Bytes<16>{1}, world.now());
  CHECK(world.reason("") == "malformed_jws");
  CHECK(world.reason("a.b") == "malformed_jws");
  CHECK(world.reason(good + "=") == "bad_base64url");
  CHECK(world.reason(good.substr(0, good.size() - 2)) == "signature_invalid");
  CHECK(world.reason(std::string(element_chars_max + 1, 'a')) == "token_too_large");
  CHECK(world.reason(sign_jws(SessionWorld::header(), world.payload(), world.stranger)) == "session_signature");
}

}  // namespace
}  // namespace cadastre

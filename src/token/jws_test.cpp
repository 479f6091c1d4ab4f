// JWS and keys against RFC 8037 appendix A, and against Wycheproof where its files are at hand.
#include "token/jws.h"

#include <doctest/doctest.h>

#include "token/test_data.h"

namespace cadastre {
namespace {

const std::string& text_of(const json::Value& object, std::string_view name) {
  const json::Value* const value = object.find(name);
  REQUIRE(value != nullptr);
  return value->text;
}

TEST_CASE("the key, thumbprint and signature of RFC 8037 appendix A") {
  const json::Value file = test_data("tests/vectors/rfc8037_appendix_a.json").value();
  const json::Value& jwk = *file.find("jwk");
  const PrivateKey key = PrivateKey::from_seed(decode_digest(text_of(jwk, "d")).value());
  CHECK(encode_base64url(key.public_key()) == text_of(jwk, "x"));
  CHECK(encode_base64url(thumbprint(key.public_key())) == text_of(file, "thumbprint_sha256"));
  CHECK(sign_jws(R"({"alg":"EdDSA"})", text_of(file, "payload"), key) == text_of(file, "jws"));
  const auto jws = decode_jws(text_of(file, "jws"));
  REQUIRE(jws.has_value());
  CHECK(jws->payload == text_of(file, "payload"));
  CHECK(verify(key.public_key(), as_bytes(jws->signing_input), jws->signature));
  CHECK(reason_of(decode_jwk(jwk)) == "bad_cnf:private");
}

TEST_CASE("Ed25519 verification agrees with every Wycheproof case") {
  const auto file = test_data("../shared/vectors/wycheproof_ed25519.json");
  if (!file) {
    MESSAGE("not run: Wycheproof's files are not here");
    return;
  }
  int run = 0;
  for (const json::Value& group : file->find("testGroups")->elements) {
    const auto key = exactly<32>(decode_hex(text_of(*group.find("publicKey"), "pk")).value());
    REQUIRE(key.has_value());
    for (const json::Value& one : group.find("tests")->elements) {
      CAPTURE(one.find("tcId")->text);
      const auto message = decode_hex(text_of(one, "msg")).value();
      const auto signature = exactly<64>(decode_hex(text_of(one, "sig")).value());
      const bool verified = signature && verify(*key, as_bytes(message), *signature);
      CHECK(verified == (text_of(one, "result") == "valid"));
      ++run;
    }
  }
  CHECK(run == file->find("numberOfTests")->integer());
}

TEST_CASE("no Wycheproof JWS is accepted, for none is EdDSA's") {
  const auto file = test_data("../shared/vectors/wycheproof_jws.json");
  if (!file) {
    MESSAGE("not run: Wycheproof's files are not here");
    return;
  }
  TokenWorld world;
  int run = 0;
  for (const json::Value& group : file->find("testGroups")->elements) {
    for (const json::Value& one : group.find("tests")->elements) {
      CAPTURE(one.find("tcId")->text);
      const json::Value& jws = *one.find("jws");
      CHECK(world.outcome(jws.text) != "ok");
      const auto split = decode_jws(jws.text);
      CHECK_FALSE((split && decode_header(split->header, ObjectKind::capability)));
      ++run;
    }
  }
  CHECK(run == file->find("numberOfTests")->integer());
}

TEST_CASE("a name from outside cannot break out of the reason") {
  CHECK(fault_about("unknown_claim", "a\r\nb\" \xff").error().reason == "unknown_claim:a??b???");
  CHECK(fault_about("x", std::string(100, 'a')).error().reason == "x:" + std::string(32, 'a'));
}

}  // namespace
}  // namespace cadastre

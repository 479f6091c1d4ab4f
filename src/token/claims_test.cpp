// Minting: the canonical text, and its limits.
#include "token/claims.h"

#include <doctest/doctest.h>

#include "token/test_data.h"

namespace cadastre {
namespace {

TEST_CASE("a payload is canonical, with only the members that say something") {
  const TokenWorld world;
  Claims claims = world.claims();
  CHECK(
      encode_claims(claims) ==
      R"({"aud":"cadastre:test","cnf":{"jwk":{"crv":"Ed25519","kty":"OKP","x":"a3nFfmoJUjkoLASBjpYRLz8DpAAbqXpWTCOFKj8epfw"}},)"
      R"("del_max_depth":3,"exp":1800003600,"gen":1,"iat":1799999990,"iss":"https://issuer.example",)"
      R"("jti":"BwAAAAAAAAAAAAAAAAAAAA","scope":"service:tenant-admin","sub":"hFbVBhD2mj02-tVI1s0ZXmerYiLMK0HMEtYSPPNPTT4","tid":"acme-corp"})");
  claims.caveats = admit_caveats(*json::parse(R"([{"quota" : {"vms":2}},{"op":["a"]}])", 5).value).value();
  claims.ancestors = {RevocationId{1}, RevocationId{2}};
  claims.device = "node-01";
  claims.requires_pop = true;
  claims.not_before_s = claims.issued_at_s + 1;
  const std::string full = encode_claims(claims);
  CHECK(json::canonical(*json::parse(full, 5).value) == full);
  for (const auto* name : {"anc", "cav", "dev", "nbf", "pop"}) CHECK(json::parse(full, 5).value->find(name) != nullptr);
  claims.delegable_depth = 0;
  CHECK(json::parse(encode_claims(claims), 5).value->find("del_max_depth") == nullptr);
  claims.tenant = TenantId::platform();
  CHECK(json::parse(encode_claims(claims), 5).value->find("tid") == nullptr);
}

TEST_CASE("a token too long to present is not minted") {
  const TokenWorld world;
  Claims claims = world.claims();
  claims.caveats = R"([{"op":[")" + std::string(900, 'a') + R"("]}])";
  CHECK(mint(claims, world.issuer).has_value());
  claims.caveats = R"([{"op":[")" + std::string(1100, 'a') + R"("]}])";
  const auto minted = mint(claims, world.issuer);
  REQUIRE_FALSE(minted.has_value());
  CHECK(minted.error().subject == "caveats");
}

TEST_CASE("a link's payload is canonical, with only the members that say something") {
  const TokenWorld world;
  const auto parent = mint(world.claims(), world.issuer).value();
  LinkClaims link{.parent = parent.rid,
                  .id = TokenId{},
                  .scope = Scope::input(),
                  .subject = world.next_holder.public_key(),
                  .issued_at_s = world.now_s - 5,
                  .expires_at_s = world.now_s + 600};
  const std::string least = encode_link_claims(link, world.holder.public_key());
  CHECK(least == world.link_payload(parent.text));
  link.tenant = world.claims().tenant;
  link.not_before_s = world.now_s;
  link.delegable_depth = 2;
  link.requires_pop = true;
  link.caveats = R"([{"method":["GET"]}])";
  const std::string full = encode_link_claims(link, world.holder.public_key());
  const json::Value payload = json::parse(full, 5).value.value();
  CHECK(json::canonical(payload) == full);
  for (const auto* name : {"tid", "nbf", "del_max_depth", "pop", "cav"}) CHECK(payload.find(name) != nullptr);
  link.caveats = R"([{"op":[")" + std::string(1200, 'a') + R"("]}])";
  const auto minted = mint_link(link, world.holder);
  REQUIRE_FALSE(minted.has_value());
  CHECK(minted.error().subject == "caveats");
}

TEST_CASE("the rid leaves the signature out") {
  const TokenWorld world;
  const auto minted = mint(world.claims(), world.issuer);
  REQUIRE(minted.has_value());
  CHECK(minted->rid == rid_of(std::string_view(minted->text).substr(0, minted->text.rfind('.'))));
}

TEST_CASE("the key set has public members only, without revoked keys") {
  const PrivateKey first = PrivateKey::from_seed(Bytes<32>{1});
  const PrivateKey second = PrivateKey::from_seed(Bytes<32>{2});
  IssuerKeys keys;
  CHECK(keys.jwks() == R"({"keys":[]})");
  keys.put(first.public_key(), IssuerKeyState::active);
  keys.put(second.public_key(), IssuerKeyState::next);
  const std::string both = keys.jwks();
  const json::Value set = *json::parse(both, 3).value;
  REQUIRE(set.find("keys")->elements.size() == 2);
  const json::Value& one = set.find("keys")->elements[0];
  CHECK(one.members.size() == 6);
  CHECK(one.find("kty")->text == "OKP");
  CHECK(one.find("crv")->text == "Ed25519");
  CHECK(one.find("alg")->text == "EdDSA");
  CHECK(one.find("use")->text == "sig");
  CHECK(one.find("kid")->text == kid_of(first.public_key()));
  CHECK(one.find("x")->text == encode_base64url(first.public_key()));
  keys.put(first.public_key(), IssuerKeyState::revoked);
  CHECK(json::parse(keys.jwks(), 3).value->find("keys")->elements.size() == 1);
  CHECK(keys.find(kid_of(first.public_key()))->state == IssuerKeyState::revoked);
  keys.remove(kid_of(first.public_key()));
  CHECK(keys.find(kid_of(first.public_key())) == nullptr);
}

}  // namespace
}  // namespace cadastre

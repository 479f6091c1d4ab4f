// Links minted offline: what their verifier makes of them, and what can be said of a chain without its issuer.
#include <doctest/doctest.h>

#include "token/test_data.h"

namespace cadastre {
namespace {

constexpr std::string_view link_header = R"({"alg":"EdDSA","typ":"cadastre-link+jwt"})";

TEST_CASE("a link that was minted is accepted below its parent, and nowhere else") {
  TokenWorld world;
  const auto root = mint(world.claims(), world.issuer).value();
  LinkClaims claims{.parent = root.rid,
                    .scope = Scope::input(),
                    .subject = world.next_holder.public_key(),
                    .issued_at_s = world.now_s,
                    .not_before_s = world.now_s,
                    .expires_at_s = world.now_s + 600,
                    .delegable_depth = 3,
                    .requires_pop = true,
                    .caveats = R"([{"uses":3}])"};
  const auto link = mint_link(claims, world.holder).value();
  const std::string chain = root.text + "~" + link.text;
  const auto token = world.verify(chain);
  REQUIRE(token.has_value());
  CHECK(token->scope == Scope::input());
  CHECK(token->holder == world.next_holder.public_key());
  CHECK(token->rid() == link.rid);
  CHECK(token->delegable_depth == 3);
  CHECK(token->requires_pop);
  CHECK(token->caveats.size() == 1);
  claims = {.parent = link.rid,
            .depth = 2,
            .scope = Scope::read(),
            .subject = world.stranger.public_key(),
            .issued_at_s = world.now_s,
            .expires_at_s = world.now_s + 60};
  CHECK(world.outcome(chain + "~" + mint_link(claims, world.next_holder)->text) == "ok");
  CHECK(world.outcome(chain + "~" + mint_link(claims, world.holder)->text) == "signature_invalid");
  CHECK(world.outcome(root.text + "~" + mint_link(claims, world.holder)->text) == "parent_mismatch");
  claims.expires_at_s = world.now_s + 601;
  CHECK(world.outcome(chain + "~" + mint_link(claims, world.next_holder)->text) == "widened:exp");
}

TEST_CASE("a chain can be read without its issuer, with the verifier's reasons for everything else") {
  TokenWorld world;
  const auto read = [&](std::string_view credential) {
    return read_chain(credential, {.links_max = world.rules.links_max}, world.admitted, world.now());
  };
  const std::string root = world.root();
  const auto link = [&](std::string_view what = "", std::string_view with = "") {
    return root + "~" + sign_jws(link_header, world.link_payload(root, what, with), world.holder);
  };
  const auto known = world.verify(link());
  const auto claimed = read(link());
  REQUIRE(known.has_value());
  REQUIRE(claimed.has_value());
  CHECK(claimed->says.rids == known->rids);
  CHECK(claimed->says.scope == known->scope);
  CHECK(claimed->says.holder == known->holder);
  CHECK(claimed->says.kid == known->kid);
  CHECK(claimed->says.expires_at_s == known->expires_at_s);
  const std::string refused[] = {
      link("INPUT", "service:platform-admin"),
      link(R"("exp":1800000600)", R"("exp":1900000000)"),
      link(R"("del_depth":1)", R"("del_depth":2)"),
      link(R"("par_hash":")", R"("par_hash":"A)"),
      root + "~" + sign_jws(link_header, world.link_payload(root), world.stranger),
      root + "~",
      world.root(R"("exp":1800003600)", R"("exp":1700000000)"),
      world.root(R"("sub":")", R"("sub":"A)"),
      world.root(R"("tid":"acme-corp")", R"("tid":"ACME")"),
  };
  for (const std::string& credential : refused) {
    CAPTURE(credential);
    CHECK(reason_of(read(credential)) != "ok");
    CHECK(reason_of(read(credential)) == world.outcome(credential));
  }
  const std::string forged = sign_jws(world.header(), world.payload(), world.stranger);
  CHECK(world.outcome(forged) == "signature_invalid");
  CHECK(read(forged).has_value());
  CHECK(read(world.root("https://issuer.example", "https://other.example")).has_value());
}

}  // namespace
}  // namespace cadastre

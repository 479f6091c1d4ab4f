// The verifier: for every check a credential that only this check refuses.
#include "token/verify.h"

#include <doctest/doctest.h>

#include "token/test_data.h"

namespace cadastre {
namespace {

using namespace std::string_view_literals;

constexpr auto link_header = R"({"alg":"EdDSA","typ":"cadastre-link+jwt"})"sv;

TEST_CASE("what a good token says is what the verifier gives") {
  TokenWorld world;
  Claims claims = world.claims();
  claims.ancestors = {RevocationId{1}, RevocationId{2}};
  claims.caveats = R"([{"method":["GET"]},{"uses":3}])";
  claims.device = "node-01";
  claims.requires_pop = true;
  claims.not_before_s = world.now_s + 5;
  const auto minted = mint(claims, world.issuer);
  REQUIRE(minted.has_value());
  const auto token = world.verify(minted->text);
  REQUIRE(token.has_value());
  CHECK(token->id == encode_base64url(claims.id));
  CHECK(token->tenant == claims.tenant);
  CHECK(token->home == claims.tenant);
  CHECK(token->scope == Scope::tenant_admin());
  CHECK(token->holder == world.holder.public_key());
  CHECK(token->rids == std::vector<RevocationId>{minted->rid, RevocationId{1}, RevocationId{2}});
  CHECK(token->rid() == minted->rid);
  CHECK(token->holder_thumbprint() == thumbprint(world.holder.public_key()));
  CHECK(token->kid == kid_of(world.issuer.public_key()));
  CHECK(token->device == "node-01");
  CHECK(token->generation == 1);
  CHECK(token->issued_at_s == world.now_s - 10);
  CHECK(token->not_before_s == world.now_s + 5);
  CHECK(token->expires_at_s == world.now_s + 3600);
  CHECK(token->delegable_depth == 3);
  CHECK(token->requires_pop);
  CHECK(token->caveats.size() == 2);
  CHECK(mint(claims, world.issuer)->text == minted->text);
  CHECK(world.outcome(mint(world.claims(), world.issuer, AlgorithmName::ed25519)->text) == "ok");
}

TEST_CASE("each claim has one shape, and one value where the verifier knows it") {
  TokenWorld world;
  struct Row {
    std::string_view what, with, reason;
  };
  std::string nine_ancestors = R"({"anc":[)";
  for (int i = 0; i < 9; ++i) nine_ancestors += (i > 0 ? ",\"" : "\"") + std::string(43, 'A') + '"';
  nine_ancestors += R"(],"aud")";
  const Row rows[] = {
      {R"("iss":"https://issuer.example",)", "", "claim_missing:iss"},
      {R"("iss":"https://issuer.example")", R"("iss":"https://issuer.example/")", "bad_issuer"},
      {R"("iss":"https://issuer.example")", R"("iss":["https://issuer.example"])", "claim_type:iss"},
      {R"("aud":"cadastre:test",)", "", "claim_missing:aud"},
      {R"("aud":"cadastre:test")", R"("aud":["cadastre:test"])", "claim_type:aud"},
      {R"("aud":"cadastre:test")", R"("aud":"cadastre:test/other")", "bad_audience"},
      {R"("aud":"cadastre:test")", R"("aud":"cadastre:test/")", "bad_audience"},
      {R"("aud":"cadastre:test")", R"("aud":"cadastre:test/control")", "ok"},
      {R"("gen":1,)", "", "claim_missing:gen"},
      {R"("gen":1)", R"("gen":-1)", "claim_type:gen"},
      {R"("gen":1)", R"("gen":-0)", "claim_type:gen"},
      {R"("gen":1)", R"("gen":9007199254740991)", "ok"},
      {R"("gen":1)", R"("gen":9007199254740992)", "claim_type:gen"},
      {R"("jti":"BwAAAAAAAAAAAAAAAAAAAA",)", "", "claim_missing:jti"},
      {R"("jti":"BwAAAAAAAAAAAAAAAAAAAA")", R"("jti":"BwAAAAAAAAAAAAAAAAAA")", "claim_type:jti"},
      {R"("jti":"BwAAAAAAAAAAAAAAAAAAAA")", R"("jti":"BwAAAAAAAAAAAAAAAAAAAAAA")", "claim_type:jti"},
      {R"("jti":"BwAAAAAAAAAAAAAAAAAAAA")", R"("jti":"BwAAAAAAAAAAAAAAAAAA==")", "claim_type:jti"},
      {R"("iat":1799999990,)", "", "claim_missing:iat"},
      {R"("iat":1799999990)", R"("iat":1800000060)", "ok"},
      {R"("iat":1799999990)", R"("iat":1800000061)", "issued_in_future"},
      {R"("iat":1799999990)", R"("iat":1800000000.0)", "claim_type:iat"},
      {R"("exp":1800003600,)", "", "claim_missing:exp"},
      {R"("exp":1800003600)", R"("exp":1800000000)", "expired"},
      {R"("exp":1800003600)", R"("exp":1800000001)", "ok"},
      {R"("exp":1800003600)", R"("exp":1807775990)", "ok"},
      {R"("exp":1800003600)", R"("exp":1807775991)", "lifetime_too_long"},
      {R"("jti")", R"("nbf":1800000060,"jti")", "ok"},
      {R"("jti")", R"("nbf":1800000061,"jti")", "not_yet_valid"},
      {R"("jti")", R"("nbf":"1","jti")", "claim_type:nbf"},
      {R"("scope":"service:tenant-admin")", R"("scope":"input")", "bad_scope"},
      {R"("scope":"service:tenant-admin")", R"("scope":["INPUT"])", "claim_type:scope"},
      {R"("scope":"service:tenant-admin",)", "", "claim_missing:scope"},
      {R"("scope":"service:tenant-admin")", R"("scope":"service:platform-admin")", "bad_tenant_id"},
      {R"("tid":"acme-corp")", R"("tid":"acme--corp")", "bad_tenant_id"},
      {R"("tid":"acme-corp")", R"("tid":"")", "bad_tenant_id"},
      {R"("tid":"acme-corp")", R"("tid":null)", "claim_type:tid"},
      {R"(,"tid":"acme-corp")", "", "claim_missing:tid"},
      {R"("del_max_depth":3)", R"("del_max_depth":8)", "ok"},
      {R"("del_max_depth":3)", R"("del_max_depth":9)", "claim_type:del_max_depth"},
      {R"("jti")", R"("pop":"mtls","jti")", "claim_type:pop"},
      {R"("jti")", R"("pop":true,"jti")", "claim_type:pop"},
      {R"("jti")", R"("dev":"","jti")", "claim_type:dev"},
      {R"("jti")", R"("dev":"node 1","jti")", "claim_type:dev"},
      {R"("jti")", R"("dev":"!node~","jti")", "ok"},
      {R"("jti")", R"("cav":{},"jti")", "claim_type:cav"},
      {R"("jti")", R"("cav":[],"jti")", "ok"},
      {R"("jti")", R"("cav":[{}],"jti")", "bad_caveat"},
      {R"("jti")", R"("cav":[{"moon":["full"]}],"jti")", "unknown_caveat"},
      {"{\"aud\"", nine_ancestors, "claim_type:anc"},
      {R"("jti")", R"("anc":["short"],"jti")", "claim_type:anc"},
      {R"("jti")", R"("par_hash":"x","jti")", "unknown_claim:par_hash"},
      {R"("jti")", R"("del_depth":0,"jti")", "unknown_claim:del_depth"},
      {R"("jti")", R"("admin":true,"jti")", "unknown_claim:admin"},
      {R"("jti")", R"("a\r\n\"b":true,"jti")", "unknown_claim:a???b"},
      {R"("jti")", R"("gen":2,"jti")", "duplicate_member"},
      {"}", "}} ", "malformed_json"},
      {R"("cnf":{"jwk")", R"("cnf":{"jku":"x","jwk")", "bad_cnf"},
      {R"("cnf":{"jwk")", R"("cnf":{"kid")", "bad_cnf"},
      {R"("crv":"Ed25519")", R"("crv":"X25519")", "bad_cnf"},
      {R"("x":")", R"("x":"A)", "bad_cnf"},
      {R"("x":")", R"("x":"!)", "bad_cnf"},
      {R"("crv":"Ed25519")", R"("crv":"Ed25519","use":"sig")", "bad_cnf"},
      {R"("crv":"Ed25519")", R"("crv":"Ed25519","d":"AA")", "bad_cnf:private"},
      {R"("sub":")", R"("sub":"x)", "bad_subject"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CAPTURE(row.with);
    CHECK(world.outcome(world.root(row.what, row.with)) == row.reason);
  }
}

TEST_CASE("a key that anybody can sign for, or of mixed order, is refused as a holder's") {
  TokenWorld world;
  const char* const keys[] = {
      "0100000000000000000000000000000000000000000000000000000000000000",   // the identity
      "9599999999999999999999999999999999999999999999999999999999999999"};  // the base point plus the point of order 2
  for (const char* const hex : keys) {
    const auto key = exactly<32>(decode_hex(hex).value()).value();
    CAPTURE(hex);
    Claims claims = world.claims();
    claims.subject = key;
    CHECK(world.outcome(mint(claims, world.issuer)->text) == "weak_key");
  }
}

TEST_CASE("the header has its members and no others, and the signature stands before everything said") {
  TokenWorld world;
  const std::string kid = kid_of(world.issuer.public_key());
  const std::string unknown_kid = kid_of(world.stranger.public_key());
  struct Row {
    std::string header;
    std::string_view reason;
  };
  const Row rows[] = {
      {R"({"typ":"cadastre-cap+jwt","kid":")" + kid + R"(","alg":"EdDSA"})", "ok"},
      {R"({"alg":"EdDSA","kid":")" + unknown_kid + R"(","typ":"cadastre-cap+jwt"})", "unknown_kid"},
      {R"({"alg":"EdDSA","kid":"x","typ":"cadastre-cap+jwt"})", "bad_kid"},
      {R"({"alg":"EdDSA","kid":7,"typ":"cadastre-cap+jwt"})", "bad_kid"},
      {R"({"alg":"EdDSA","kid":")" + kid + R"(","typ":"JWT"})", "bad_typ"},
      {R"({"alg":"EdDSA","kid":")" + kid + R"("})", "bad_typ"},
      {R"({"alg":"ES256","kid":")" + kid + R"(","typ":"cadastre-cap+jwt"})", "bad_alg"},
      {R"({"alg":["EdDSA"],"kid":")" + kid + R"(","typ":"cadastre-cap+jwt"})", "bad_alg"},
      {R"({"kid":")" + kid + R"(","typ":"cadastre-cap+jwt"})", "bad_alg"},
      {R"({"alg":"EdDSA","kid":")" + kid + R"(","typ":"cadastre-cap+jwt","jwk":{}})", "unknown_header_param:jwk"},
      {R"({"alg":"EdDSA","alg":"EdDSA","kid":")" + kid + R"(","typ":"cadastre-cap+jwt"})", "duplicate_member"},
      {R"([])", "malformed_json"},
      {"", "malformed_json"},
      {std::string(256, ' '), "malformed_json"},
      {std::string(257, ' '), "token_too_large"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.header);
    CHECK(world.outcome(sign_jws(row.header, world.payload(), world.issuer)) == row.reason);
  }
  CHECK(world.outcome(sign_jws(world.header(), world.payload(), world.stranger)) == "signature_invalid");
  CHECK(world.outcome(sign_jws(world.header(), "not JSON", world.stranger)) == "signature_invalid");
  CHECK(world.outcome(sign_jws(world.header(), "not JSON", world.issuer)) == "malformed_json");
  CHECK(world.outcome(sign_jws(world.header(), std::string(1537, ' '), world.issuer)) == "token_too_large");
  world.keys.put(world.issuer.public_key(), IssuerKeyState::retired);
  CHECK(world.outcome(world.root()) == "ok");
  world.keys.put(world.issuer.public_key(), IssuerKeyState::revoked);
  CHECK(world.outcome(world.root()) == "key_revoked");
}

TEST_CASE("no changed, added or missing character of a token is accepted") {
  TokenWorld world;
  const std::string good = world.root();
  REQUIRE(world.outcome(good) == "ok");
  for (std::size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    std::string changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK(world.outcome(changed) != "ok");
    CHECK(world.outcome(good.substr(0, i) + good.substr(i + 1)) != "ok");
    CHECK(world.outcome(good.substr(0, i)) != "ok");
  }
  for (const std::string& added :
       {good + "=", good + "\n", " " + good, good + ".", good + "A", "~" + good, good + "~"}) {
    CAPTURE(added);
    CHECK(world.outcome(added) != "ok");
  }
}

TEST_CASE("the limits on a credential's form") {
  TokenWorld world;
  const std::string good = world.root();
  CHECK(world.outcome("") == "malformed_chain");
  CHECK(world.outcome("a.b") == "malformed_jws");
  CHECK(world.outcome("a.b.c.d") == "malformed_jws");
  CHECK(world.outcome("..") == "signature_invalid");
  CHECK(world.outcome(std::string(2049, 'A')) == "token_too_large");
  CHECK(world.outcome(std::string(2048, 'A')) == "malformed_jws");
  CHECK(world.outcome(std::string(6145, '~')) == "token_too_large");
  const std::string longest = std::string(2048, 'A') + "~" + std::string(2047, 'A') + "~" + std::string(2047, 'A');
  REQUIRE(longest.size() == credential_bytes_max);
  CHECK(world.outcome(longest) == "malformed_jws");
  CHECK(world.outcome(longest + "A") == "token_too_large");
  CHECK(world.outcome(good + "~~" + good) == "malformed_chain");
  CHECK(world.outcome(good + "~a~a~a~a~a") == "too_many_links");
  CHECK(world.outcome(good + "~a~a~a~a") == "malformed_jws");
  world.rules.links_max = 0;
  CHECK(world.outcome(good) == "ok");
  CHECK(world.outcome(good + "~a") == "too_many_links");
}

TEST_CASE("a link narrows and never widens") {
  TokenWorld world;
  const std::string root = world.root();
  struct Row {
    std::string_view what, with, reason;
  };
  const Row rows[] = {
      {"", "", "ok"},
      {R"("scope":"INPUT")", R"("scope":"service:platform-admin")", "widened:scope"},
      {R"("scope":"INPUT")", R"("scope":"service:vm-host")", "ok"},
      {R"("scope":"INPUT")", R"("scope":"service:ledger")", "widened:scope"},
      {R"("exp":1800000600)", R"("exp":1800003600)", "ok"},
      {R"("exp":1800000600)", R"("exp":1800003601)", "widened:exp"},
      {R"("jti")", R"("nbf":1799999990,"jti")", "ok"},
      {R"("jti")", R"("nbf":1799999989,"jti")", "widened:nbf"},
      {R"("jti")", R"("tid":"acme-corp","jti")", "ok"},
      {R"("jti")", R"("tid":"beta-inc","jti")", "widened:tid"},
      {R"("jti")", R"("tid":"Beta","jti")", "bad_tenant_id"},
      {R"("jti")", R"("del_max_depth":3,"jti")", "ok"},
      {R"("jti")", R"("del_max_depth":4,"jti")", "widened:del_max_depth"},
      {R"("jti")", R"("del_max_depth":0,"jti")", "widened:del_max_depth"},
      {R"("del_depth":1)", R"("del_depth":2)", "bad_del_depth"},
      {R"("del_depth":1)", R"("del_depth":0)", "bad_del_depth"},
      {R"("par_hash":")", R"("par_hash":"A)", "parent_mismatch"},
      {R"("iss":")", R"("iss":"A)", "bad_link_issuer"},
      {R"("jti")", R"("aud":"cadastre:test","jti")", "unknown_claim:aud"},
      {R"("jti")", R"("gen":9,"jti")", "unknown_claim:gen"},
      {R"("jti")", R"("dev":"x","jti")", "unknown_claim:dev"},
      {R"("jti")", R"("anc":[],"jti")", "unknown_claim:anc"},
      {R"("iat":1799999995)", R"("iat":1800000061)", "issued_in_future"},
      {R"("exp":1800000600)", R"("exp":1800000000)", "expired"},
      {R"("x":")", R"("d":"AA","x":")", "bad_cnf:private"},
      {R"("jti")", R"("cav":[{"method":[]}],"jti")", "bad_caveat"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.with);
    const std::string link = sign_jws(link_header, world.link_payload(root, row.what, row.with), world.holder);
    CHECK(world.outcome(root + "~" + link) == row.reason);
  }
  const std::string payload = world.link_payload(root);
  CHECK(world.outcome(root + "~" + sign_jws(link_header, payload, world.issuer)) == "signature_invalid");
  CHECK(world.outcome(root + "~" + sign_jws(world.header(), payload, world.holder)) == "unknown_header_param:kid");
  const std::string undelegable = world.root(R"("del_max_depth":3,)", "");
  const std::string link = sign_jws(link_header, world.link_payload(undelegable), world.holder);
  CHECK(world.outcome(undelegable + "~" + link) == "delegation_not_allowed");
}

TEST_CASE("a chain gives what its last element allows, and names every element") {
  TokenWorld world;
  const std::string root = world.root(R"("jti")", R"("cav":[{"method":["GET"]}],"pop":"dpop","jti")");
  const std::string extra = R"("cav":[{"path":["/v1/vms"]}],"nbf":1800000000,"jti")";
  const std::string link = sign_jws(link_header, world.link_payload(root, R"("jti")", extra), world.holder);
  const auto token = world.verify(root + "~" + link);
  REQUIRE(token.has_value());
  CHECK(token->scope == Scope::input());
  CHECK(token->tenant == TenantId::parse("acme-corp").value());
  CHECK(token->holder == world.next_holder.public_key());
  CHECK(token->elements == 2);
  CHECK(token->rids.size() == 2);
  CHECK(token->rid() == rid_of(std::string_view(link).substr(0, link.rfind('.'))));
  CHECK(token->key_thumbprints.size() == 2);
  CHECK(token->id == "AAAAAAAAAAAAAAAAAAAAAA");
  CHECK(token->expires_at_s == world.now_s + 600);
  CHECK(token->not_before_s == world.now_s);
  CHECK(token->requires_pop);
  REQUIRE(token->caveats.size() == 2);
  CHECK(token->caveats[0].element == 0);
  CHECK(token->caveats[1].element == 1);
  CHECK(token->delegable_depth == 1);
  REQUIRE(token->links.size() == 1);
  CHECK(token->links[0].id == token->id);
  CHECK(token->links[0].scope == Scope::input());
  CHECK(token->links[0].holder == token->holder);
  CHECK(token->links[0].not_before_s == world.now_s);
  CHECK(token->links[0].expires_at_s == world.now_s + 600);
}

TEST_CASE("the elements of a chain are named upwards, the root's ancestors last") {
  TokenWorld world;
  const std::string older = encode_base64url(RevocationId{1});
  const std::string oldest = encode_base64url(RevocationId{2});
  const std::string root = world.root(R"("aud")", R"("anc":[")" + older + R"(",")" + oldest + R"("],"aud")");
  const std::string link = sign_jws(link_header, world.link_payload(root), world.holder);
  const auto rid = [](std::string_view element) { return rid_of(element.substr(0, element.rfind('.'))); };
  CHECK(world.verify(root)->rids_upwards() == std::vector<RevocationId>{rid(root), RevocationId{1}, RevocationId{2}});
  CHECK(world.verify(root + "~" + link)->rids_upwards() ==
        std::vector<RevocationId>{rid(link), rid(root), RevocationId{1}, RevocationId{2}});
}

TEST_CASE("a token is identified whether its time has come, is here or is over") {
  TokenWorld world;
  const std::string root = world.root();
  const std::string credential = root + "~" + sign_jws(link_header, world.link_payload(root), world.holder);
  const auto identified = [&](std::string_view text) {
    return reason_of(identify_token(text, world.rules, world.keys, world.admitted));
  };
  for (const std::int64_t later_s : {-1'000'000, 0, 1'000'000}) {
    world.now_s = 1'800'000'000 + later_s;
    CHECK((world.outcome(credential) == "ok") == (later_s == 0));
    CHECK(identified(credential) == "ok");
  }
  world.now_s = 1'800'000'000;
  CHECK(identify_token(credential, world.rules, world.keys, world.admitted)->rids == world.verify(credential)->rids);
  CHECK(identified(world.root(R"("cadastre:test")", R"("cadastre:other")")) == "bad_audience");
  CHECK(identified(root.substr(0, root.size() - 86) + std::string(86, 'A')) == "signature_invalid");
  CHECK(identified(credential + "~" + root) == "delegation_not_allowed");
}

TEST_CASE("a chain is as deep as its root allows, and has 32 caveats at most") {
  TokenWorld world;
  std::string sixteen = R"("cav":[{"rpm":1})";
  for (int i = 1; i < 16; ++i) sixteen += R"(,{"rpm":1})";
  const auto with_caveats = [](std::string_view caveats) { return std::string(caveats) + R"(],"jti")"; };
  const auto credential = [&](std::string_view depth, std::string_view last_caveats) {
    const std::string root = world.root(R"("jti")", with_caveats(sixteen));
    const std::string first = std::string(depth) + with_caveats(sixteen);
    const std::string link = sign_jws(link_header, world.link_payload(root, R"("jti")", first), world.holder);
    std::string payload = world.link_payload(link, R"("jti")", last_caveats);
    payload = TokenWorld::replaced(payload, R"("del_depth":1)", R"("del_depth":2)");
    payload = TokenWorld::replaced(payload, encode_base64url(thumbprint(world.holder.public_key())),
                                   encode_base64url(thumbprint(world.next_holder.public_key())));
    return root + "~" + link + "~" + sign_jws(link_header, payload, world.next_holder);
  };
  CHECK(world.outcome(credential(R"("del_max_depth":2,)", R"("jti")")) == "ok");
  CHECK(world.outcome(credential(R"("del_max_depth":2,)", R"("cav":[{"rpm":1}],"jti")")) == "bad_caveat");
  CHECK(world.outcome(credential(R"("del_max_depth":1,)", R"("jti")")) == "delegation_not_allowed");
  CHECK(world.outcome(credential("", R"("jti")")) == "delegation_not_allowed");
}

TEST_CASE("one Authorization field, one known scheme, one token") {
  struct Row {
    std::vector<std::string_view> fields;
    std::string_view reason, credential;
  };
  const std::string longest = "Bearer " + std::string(credential_bytes_max, 'A');
  const std::string too_long = longest + "A";
  const Row rows[] = {
      {{}, "missing_credentials", ""},
      {{""}, "unsupported_scheme", ""},
      {{"Bearer"}, "missing_credentials", ""},
      {{"Bearer  "}, "missing_credentials", ""},
      {{"Bearer a.b.c"}, "ok", "a.b.c"},
      {{"bearer a.b.c"}, "ok", "a.b.c"},
      {{"BEARER a.b.c"}, "ok", "a.b.c"},
      {{longest}, "ok", std::string_view(longest).substr(7)},
      {{"DPOP   a.b.c"}, "ok", "a.b.c"},
      {{"Bearer\ta.b.c"}, "unsupported_scheme", ""},
      {{"Basic dTpw"}, "unsupported_scheme", ""},
      {{"Bearera.b.c"}, "unsupported_scheme", ""},
      {{"Bearer a", "Bearer a"}, "multiple_credentials", ""},
      {{too_long}, "token_too_large", ""},
  };
  for (const auto& row : rows) {
    const auto presented = decode_authorization(row.fields, {});
    CAPTURE(row.reason);
    CHECK(reason_of(presented) == row.reason);
    if (presented) CHECK(presented->credential == row.credential);
  }
  const std::string_view field[] = {"DPoP a"};
  const std::string_view proofs[] = {"p", "q"};
  CHECK(decode_authorization(field, std::span(proofs).first(1))->proof == "p");
  CHECK(decode_authorization(field, {})->scheme == AuthorizationScheme::dpop);
  CHECK(reason_of(decode_authorization(field, proofs)) == "multiple_credentials");
}

TEST_CASE("what can change after verification is asked every time") {
  TokenWorld world;
  const auto token = world.verify(world.root());
  REQUIRE(token.has_value());
  struct Row {
    std::string_view reason;
    TokenState state;
    Access access;
    std::int64_t later_s;
    FaultKind kind;
  };
  const auto no_change = FaultKind::token;
  const Row rows[] = {
      {"ok", {}, Access::change, 0, no_change},
      {"ok", {}, Access::change, 3599, no_change},
      {"expired", {}, Access::read, 3600, FaultKind::token},
      {"issued_in_future", {}, Access::read, -71, FaultKind::token},
      {"revocation_state_unavailable", {.is_known = false}, Access::read, 0, FaultKind::unavailable},
      {"tenant_unknown", {.tenant = TenantStanding::unknown}, Access::read, 0, FaultKind::token},
      {"tenant_suspended", {.tenant = TenantStanding::suspended}, Access::change, 0, FaultKind::tenant_suspended},
      {"ok", {.tenant = TenantStanding::suspended}, Access::read, 0, no_change},
      {"tenant_generation", {.generation = 2}, Access::read, 0, FaultKind::token},
      {"ok", {.generation = 0}, Access::read, 0, no_change},
      {"revoked", {.is_revoked = true}, Access::read, 0, FaultKind::token},
      {"revoked", {.tenant = TenantStanding::suspended, .is_revoked = true}, Access::change, 0, FaultKind::token},
      {"key_revoked:subject", {.is_key_revoked = true}, Access::read, 0, FaultKind::token},
  };
  for (const auto& row : rows) {
    CAPTURE(row.reason);
    const auto checked =
        check_state(*token, row.state, world.keys, row.access, world.now() + std::chrono::seconds(row.later_s));
    CHECK(reason_of(checked) == row.reason);
    if (!checked) CHECK(checked.error().kind == row.kind);
  }
  world.keys.put(world.issuer.public_key(), IssuerKeyState::revoked);
  CHECK(reason_of(check_state(*token, {}, world.keys, Access::read, world.now())) == "key_revoked");
  world.keys.remove(kid_of(world.issuer.public_key()));
  CHECK(reason_of(check_state(*token, {}, world.keys, Access::read, world.now())) == "unknown_kid");
}

TEST_CASE("a device's token holds only while its device is known to exist") {
  TokenWorld world;
  const auto token = world.verify(world.root(R"("jti")", R"("dev":"node-01","jti")"));
  REQUIRE(token.has_value());
  const auto reason = [&](const TokenState& state) {
    return reason_of(check_state(*token, state, world.keys, Access::read, world.now()));
  };
  CHECK(reason({.has_device = true}) == "ok");
  CHECK(reason({.generation = 9, .has_device = true}) == "ok");
  CHECK(reason({.generation = 9}) == "device_revoked");
  CHECK(reason({.has_device = false}) == "device_revoked");
  CHECK(reason({}) == "device_revoked");
}

TEST_CASE("a token is good for its tenant, its scope and what its caveats leave") {
  TokenWorld world;
  const auto token = world.verify(world.root(R"("jti")", R"("cav":[{"method":["GET"]},{"uses":1}],"jti")"));
  REQUIRE(token.has_value());
  const TokenUse good{.method = "GET",
                      .path = "/v1/vms",
                      .operation = "vm.list",
                      .resource = "",
                      .peer = "127.0.0.1",
                      .needed = Scope::tenant_admin(),
                      .charges_counters = true};
  const auto outcome = [&](auto&& change) {
    TokenUse use = good;
    change(use);
    return reason_of(check_use(*token, use));
  };
  CHECK(outcome([](TokenUse&) {}) == "ok");
  CHECK(outcome([](TokenUse& use) { use.tenant = *TenantId::parse("acme-corp"); }) == "ok");
  CHECK(outcome([](TokenUse& use) { use.tenant = *TenantId::parse("beta-inc"); }) == "tenant_mismatch");
  CHECK(outcome([](TokenUse& use) { use.needed = Scope::platform_admin(); }) == "insufficient_scope");
  CHECK(outcome([](TokenUse& use) { use.method = "POST"; }) == "caveat_denied:method");
  CHECK(outcome([](TokenUse& use) { use.charges_counters = false; }) == "caveat_denied:uses");
}

TEST_CASE("a platform administrator's token narrowed to a tenant is no platform administrator's any more") {
  TokenWorld world;
  Claims claims = world.claims();
  claims.scope = Scope::platform_admin();
  claims.tenant = TenantId::platform();
  const std::string root = mint(claims, world.issuer)->text;
  const auto whole = world.verify(root);
  REQUIRE(whole.has_value());
  CHECK_FALSE(whole->tenant.has_value());
  CHECK(whole->home.is_platform());
  TokenUse use{
      .method = "GET", .path = "/", .operation = "", .resource = "", .peer = "", .needed = Scope::platform_admin()};
  use.tenant = *TenantId::parse("beta-inc");
  CHECK(reason_of(check_use(*whole, use)) == "ok");
  const std::string narrowing = R"("scope":"service:platform-admin","tid":"acme-corp")";
  const std::string link =
      sign_jws(link_header, world.link_payload(root, R"("scope":"INPUT")", narrowing), world.holder);
  const auto narrow = world.verify(root + "~" + link);
  REQUIRE(narrow.has_value());
  CHECK(narrow->home.is_platform());
  CHECK(reason_of(check_use(*narrow, use)) == "tenant_mismatch");
  use.tenant.reset();
  CHECK(reason_of(check_use(*narrow, use)) == "insufficient_scope");
  use.needed = Scope::tenant_admin();
  CHECK(reason_of(check_use(*narrow, use)) == "ok");
}

}  // namespace
}  // namespace cadastre

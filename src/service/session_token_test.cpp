// A session stands for its token exactly: what it keeps of it comes back whole, and its credential has one spelling.
#include "service/session_token.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

constexpr Instant noon = instant_from_s(1'800'000'000);

Bytes<32> filled(std::uint8_t byte) {
  Bytes<32> bytes;
  bytes.fill(byte);
  return bytes;
}

TEST_CASE("a credential is read as it is written, and no other text is one") {
  const SessionCredential of_tenant{
      .tenant = TenantId::parse("acme-corp").value(), .id = SessionId{1}, .secret = filled(2)};
  const SessionCredential of_platform{.tenant = TenantId::platform(), .id = SessionId{3}, .secret = filled(4)};
  for (const SessionCredential& each : {of_tenant, of_platform}) {
    const auto read = SessionCredential::parse(each.text());
    REQUIRE(read);
    CHECK(read->tenant == each.tenant);
    CHECK(read->id == each.id);
    CHECK(read->secret == each.secret);
  }
  const std::string good = of_tenant.text();
  CHECK(good.size() == 3 + 9 + 1 + 22 + 1 + 43);
  CHECK(of_platform.text().starts_with("cs_."));
  const std::string wrong[] = {"",
                               "cs_",
                               "cs_acme-corp",
                               "cs_acme-corp.",
                               "cs_acme-corp..",
                               "CS_" + good.substr(3),
                               good + "A",
                               good + "=",
                               good + ".",
                               good.substr(0, good.size() - 1),
                               " " + good,
                               "cs_Acme" + good.substr(12),
                               "cs_acme--corp" + good.substr(12),
                               "cs_acme corp" + good.substr(12)};
  for (const std::string& text : wrong) {
    CAPTURE(text);
    CHECK(!SessionCredential::parse(text));
  }
}

TEST_CASE("what a session keeps of a chain with caveats and ancestors comes back as it was") {
  const Caller caller{
      .tenant = TenantId::parse("acme").value(),
      .home = TenantId::platform(),
      .scope = Scope::input(),
      .token_id = "DDDDDDDDDDDDDDDDDDDDDD",
      .rids = {filled(3), filled(2), filled(1), filled(9), filled(8)},  // two links, the root, and its ancestors
      .elements = 3,
      .subject_key = filled(0xA3),
      .key_thumbprints = {filled(0x33), filled(0x22), filled(0x11), filled(0x99)},
      .generation = 4,
      .expires_at = noon + std::chrono::hours(2),
      .root_expires_at = noon + std::chrono::hours(3),
      .caveats = {Caveat{.kind = CaveatKind::method, .values = {"GET"}, .element = 0},
                  Caveat{.kind = CaveatKind::uses, .number = 7, .element = 2},
                  Caveat{.kind = CaveatKind::ip, .values = {"10.0.0.0/8"}, .element = 2}},
      .audience = "cadastre:test",
      .kid = "kid-1"};
  const Session session{.tenant = caller.tenant,
                        .id = SessionId{5},
                        .token_id = caller.token_id,
                        .subject_key = caller.subject_key,
                        .scope = caller.scope.text(),
                        .grant = encode_grant(caller),
                        .rids = caller.rids,
                        .keys = caller.key_thumbprints,
                        .generation = caller.generation,
                        .opened_at = noon,
                        .expires_at = noon + std::chrono::hours(1)};
  const VerifiedToken token = token_of(session);
  CHECK(token.rids == std::vector{filled(1), filled(2), filled(3), filled(9), filled(8)});
  CHECK(token.rids_upwards() == caller.rids);
  CHECK(token.rid() == filled(3));
  CHECK(token.key_thumbprints == std::vector{filled(0x11), filled(0x22), filled(0x33)});
  CHECK(token.holder_thumbprint() == filled(0x33));
  CHECK(token.home == TenantId::platform());
  CHECK(token.tenant == caller.tenant);
  CHECK(token.kid == "kid-1");
  CHECK(token.expires_at_s == s_since_epoch(caller.expires_at));
  CHECK(!token.requires_pop);
  REQUIRE(token.caveats.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(token.caveats[i] == caller.caveats[i]);
    CHECK(token.caveats[i].element == caller.caveats[i].element);
  }
  const Caller back = caller_of(session);
  CHECK(back.rids == caller.rids);
  CHECK(back.elements == 3);
  CHECK(back.key_thumbprints == caller.key_thumbprints);
  CHECK(back.scope == caller.scope);
  CHECK(back.expires_at == caller.expires_at);
  CHECK(back.root_expires_at == caller.root_expires_at);
  CHECK(back.audience == caller.audience);
  CHECK(encode_grant(back) == session.grant);
  REQUIRE(back.session);
  CHECK(back.session->id == session.id);
  CHECK(back.session->expires_at == session.expires_at);
}

TEST_CASE("a platform administrator's session is for no tenant, and one without caveats has none") {
  const Caller caller{.tenant = TenantId::platform(),
                      .home = TenantId::platform(),
                      .scope = Scope::platform_admin(),
                      .rids = {filled(1)},
                      .key_thumbprints = {filled(2)},
                      .expires_at = noon};
  const Session session{.tenant = caller.tenant,
                        .scope = caller.scope.text(),
                        .grant = encode_grant(caller),
                        .rids = caller.rids,
                        .keys = caller.key_thumbprints};
  CHECK(!token_of(session).tenant);
  CHECK(token_of(session).caveats.empty());
}

TEST_CASE("what was never written as a grant allows nothing") {
  for (const char* grant :
       {"", "{}", "[]", R"({"aud":"a","cav":[],"elements":2,"exp":1,"home":"","kid":"k","root_exp":1})",
        R"({"aud":"a","cav":[[{"fly":1}]],"elements":1,"exp":1,"home":"","kid":"k","root_exp":1})",
        R"({"aud":"a","cav":[[]],"elements":1,"home":"","kid":"k"})"}) {
    CAPTURE(grant);
    const Session session{
        .tenant = TenantId::platform(), .scope = "READ", .grant = grant, .rids = {filled(1)}, .keys = {filled(2)}};
    CHECK_THROWS_AS(token_of(session), StoreFailure);
  }
}

TEST_CASE("a grant of an earlier build, which does not say when its root ends, is read as if that were late") {
  const Session session{.tenant = TenantId::platform(),
                        .scope = "READ",
                        .grant = R"({"aud":"a","cav":[[]],"elements":1,"exp":100,"home":"","kid":"k"})",
                        .rids = {filled(1)},
                        .keys = {filled(2)}};
  CHECK(token_of(session).expires_at_s == 100);
  CHECK(token_of(session).root_expires_at_s == 100 + 90 * 86'400);
}

TEST_CASE("every session has a revocation id of its own") {
  CHECK(session_rid(SessionId{1}) != session_rid(SessionId{2}));
  CHECK(session_rid(SessionId{1}) == session_rid(SessionId{1}));
}

}  // namespace
}  // namespace cadastre

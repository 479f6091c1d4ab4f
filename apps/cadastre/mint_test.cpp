// Narrowing offline: what comes out is accepted by the verifier, and what it would refuse does not come out.
#include "mint.h"

#include <doctest/doctest.h>

#include "inspect.h"
#include "program.h"

namespace cadastre {
namespace {

struct World {
  PrivateKey issuer = PrivateKey::from_seed(Bytes<32>{1});
  PrivateKey holder = PrivateKey::from_seed(Bytes<32>{2});
  PrivateKey next = PrivateKey::from_seed(Bytes<32>{3});
  SeededRandom random{1};
  Instant now = instant_from_s(1'800'000'000);
  LinkOrder order{.scope = "input", .expires_in = "10m", .tenant = "", .caveats = {}};

  std::string root(std::int64_t depth = 2) const {
    return mint({.issuer = "https://issuer.example",
                 .audience = "cadastre:test",
                 .tenant = TenantId::parse("acme-corp").value(),
                 .scope = Scope::tenant_admin(),
                 .subject = holder.public_key(),
                 .issued_at_s = s_since_epoch(now),
                 .not_before_s = s_since_epoch(now),
                 .expires_at_s = s_since_epoch(now) + 3600,
                 .delegable_depth = depth},
                issuer)
        .value()
        .text;
  }

  std::string verified(const std::string& chain) const {
    IssuerKeys keys;
    keys.put(issuer.public_key(), IssuerKeyState::active);
    AdmittedKeys admitted;
    const VerifierRules rules{
        .issuer = "https://issuer.example", .audience = "cadastre:test", .service = "", .links_max = links_max_default};
    const auto token = verify_token(chain, rules, keys, admitted, now);
    return token ? token->scope.text() : token.error().reason;
  }

  std::string narrowed(const std::string& chain) {
    return narrow(chain, order, holder, next.public_key(), random, now);
  }

  /// The sentence of the refusal.
  std::string refusal(const std::string& chain, ExitCode code = ExitCode::refused) {
    try {
      narrowed(chain);
    } catch (const Failure& failure) {
      CHECK(failure.code() == code);
      return failure.what();
    }
    return "nothing was refused";
  }
};

TEST_CASE("a token narrowed offline, and narrowed again, is accepted") {
  World world;
  world.order.delegable_depth = 2;
  world.order.caveats = {R"({"method" : ["GET"]})", R"({"quota":{"vms":2}})"};
  const std::string one = world.narrowed(world.root());
  CHECK(world.verified(one) == "INPUT");
  world.order = {.scope = "READ", .expires_in = "1m", .tenant = "acme-corp", .caveats = {}, .requires_pop = true};
  const std::string two = narrow(one, world.order, world.next, world.holder.public_key(), world.random, world.now);
  CHECK(two.starts_with(one + "~"));
  CHECK(world.verified(two) == "READ");
}

TEST_CASE("what the verifier would refuse does not come out, and its reason is said") {
  struct Row {
    std::string_view reason;
    void (*change)(LinkOrder&);
  };
  const Row rows[] = {
      {"widened:scope", [](LinkOrder& order) { order.scope = "service:platform-admin"; }},
      {"widened:exp", [](LinkOrder& order) { order.expires_in = "2h"; }},
      {"widened:tid", [](LinkOrder& order) { order.tenant = "globex"; }},
      {"widened:del_max_depth", [](LinkOrder& order) { order.delegable_depth = 3; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.reason);
    World world;
    row.change(world.order);
    CHECK(world.refusal(world.root()).find(row.reason) != std::string::npos);
  }
  World world;
  CHECK(world.refusal(world.root(0)).find("delegation_not_allowed") != std::string::npos);
  CHECK(world.refusal("x").find("malformed_jws") != std::string::npos);
  const std::string root = world.root();
  CHECK(narrow(root, world.order, world.holder, world.next.public_key(), world.random, world.now) != root);
  CHECK_THROWS_AS(narrow(root, world.order, world.next, world.next.public_key(), world.random, world.now), Failure);
  CHECK_THROWS_AS(narrow(root, world.order, world.holder, PublicKey{1}, world.random, world.now), Failure);
  world.now += std::chrono::hours(2);
  CHECK(world.refusal(root).find("expired") != std::string::npos);
}

TEST_CASE("wrong spellings are usage errors") {
  struct Row {
    std::string_view says;
    void (*change)(LinkOrder&);
  };
  const Row rows[] = {
      {"scope must be", [](LinkOrder& order) { order.scope = "ALL"; }},
      {"--expires-in", [](LinkOrder& order) { order.expires_in = "soon"; }},
      {"--caveat must be JSON", [](LinkOrder& order) { order.caveats = {"GET"}; }},
      {"unknown_caveat", [](LinkOrder& order) { order.caveats = {R"({"colour":["red"]})"}; }},
      {"bad_caveat", [](LinkOrder& order) { order.caveats = {R"({"uses":0})"}; }},
      {"tenant_id may hold only", [](LinkOrder& order) { order.tenant = "ACME"; }},
      {"caveats would make the token longer",
       [](LinkOrder& order) { order.caveats = {"{\"op\":[\"" + std::string(1400, 'a') + "\"]}"}; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.says);
    World world;
    row.change(world.order);
    const std::string sentence = world.refusal(world.root(), ExitCode::usage);
    CAPTURE(sentence);
    CHECK(sentence.find(row.says) != std::string::npos);
  }
}

TEST_CASE("a token laid open says that nothing was verified, and whether it speaks against itself") {
  World world;
  const std::string chain = world.narrowed(world.root());
  const auto open = json::parse(inspected(chain, world.now), 12).value.value();
  CHECK_FALSE(open.find("verified")->boolean);
  CHECK(open.find("fault")->kind == json::Kind::null);
  REQUIRE(open.find("elements")->elements.size() == 2);
  CHECK(open.find("elements")->elements[1].find("claims")->find("scope")->text == "INPUT");
  CHECK(open.find("elements")->elements[1].find("claims")->find("par_hash")->text ==
        open.find("elements")->elements[0].find("rid")->text);
  const std::string lines = inspected_lines(chain, world.now);
  CHECK(lines.starts_with("NOT VERIFIED"));
  CHECK(lines.find("  exp        2027-01-15T08:10:00.000Z\n") != std::string::npos);
  CHECK(lines.find("Nothing in it speaks against itself") != std::string::npos);
  CHECK(inspected_lines(chain, world.now + std::chrono::hours(1)).find("(expired)") != std::string::npos);
  CHECK(inspected_lines("a~", world.now).find("no part of a token") != std::string::npos);
  CHECK(json::parse(inspected("a~", world.now), 12).value.has_value());
}

TEST_CASE("a key set is read when every key is an Ed25519 key under its thumbprint") {
  World world;
  IssuerKeys keys;
  keys.put(world.issuer.public_key(), IssuerKeyState::active);
  keys.put(world.next.public_key(), IssuerKeyState::next);
  const std::string set = keys.jwks();
  CHECK(parse_jwks(set, "f").find(kid_of(world.next.public_key())) != nullptr);
  std::string renamed = set;
  renamed.replace(renamed.find(R"("kid":")") + 7, 1, "~");
  for (const std::string& text :
       {std::string("{}"), std::string("x"), renamed, std::string(R"({"keys":[{"kty":"RSA"}]})")}) {
    CHECK_THROWS_AS(parse_jwks(text, "f"), Failure);
  }
}

}  // namespace
}  // namespace cadastre

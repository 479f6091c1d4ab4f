// DPoP: a proof is good for one request, one credential, one minute and one time.
#include "token/proof.h"

#include <doctest/doctest.h>

#include "token/test_data.h"

namespace cadastre {
namespace {

struct ProofWorld : TokenWorld {
  std::string credential;
  VerifiedToken token;
  ReplayMemory memory;

  ProofWorld() : ProofWorld(TokenWorld().root(R"("jti")", R"("pop":"dpop","jti")")) {}
  explicit ProofWorld(std::string text) : credential(std::move(text)), token(verify(credential).value()) {}

  std::string proof_header() const {
    std::string text = R"({"alg":"EdDSA","jwk":)";
    append_jwk(text, holder.public_key());
    return text + R"(,"typ":"dpop+jwt"})";
  }
  std::string proof_payload() const {
    return R"({"ath":")" + encode_base64url(sha256(credential)) +
           R"(","htm":"GET","htu":"https://cadastre.example/v1/vms",)" + R"("iat":)" + std::to_string(now_s) +
           R"(,"jti":"one"})";
  }
  std::string proof(std::string_view what = "", std::string_view with = "") const {
    return sign_jws(proof_header(), replaced(proof_payload(), what, with), holder);
  }
  std::string present(std::optional<std::string_view> shown, AuthorizationScheme scheme = AuthorizationScheme::dpop) {
    const Presented presented{.scheme = scheme, .credential = credential, .proof = shown};
    const auto checked =
        check_proof(token, presented, {.method = "GET", .url = "https://cadastre.example/v1/vms"}, memory, now());
    if (!checked) CHECK(checked.error().kind == FaultKind::proof);
    return reason_of(checked);
  }
};

TEST_CASE("a proof that was made is good for its request, once") {
  ProofWorld world;
  const auto made = [&](std::string_view method, std::string_view url, const PrivateKey& key) {
    return make_proof(world.credential, {.method = method, .url = url}, key, Bytes<16>{1}, world.now());
  };
  const std::string good = made("GET", "https://cadastre.example/v1/vms?page_size=1", world.holder);
  CHECK(world.present(good) == "ok");
  CHECK(world.present(good) == "pop_replayed");
  CHECK(world.present(made("POST", "https://cadastre.example/v1/vms", world.holder)) == "pop_htm");
  CHECK(world.present(made("GET", "https://cadastre.example/v1/status", world.holder)) == "pop_htu");
  CHECK(world.present(made("GET", "https://cadastre.example/v1/vms", world.stranger)) == "pop_key_mismatch");
}

TEST_CASE("each part of a proof is checked") {
  struct Row {
    std::string_view what, with, reason;
  };
  const Row rows[] = {
      {"", "", "ok"},
      {R"("htm":"GET")", R"("htm":"POST")", "pop_htm"},
      {R"("htm":"GET")", R"("htm":"get")", "pop_htm"},
      {"cadastre.example", "other.example", "pop_htu"},
      {"/v1/vms", "/v1/vms/a", "pop_htu"},
      {"/v1/vms", "/v1/vms?page_size=1#x", "ok"},
      {"/v1/vms", "/v1/%76ms", "ok"},
      {"https://cadastre.example", "HTTPS://Cadastre.Example:443", "ok"},
      {"https:", "http:", "pop_htu"},
      {R"("ath":")", R"("ath":"A)", "pop_ath"},
      {R"("iat":1800000000)", R"("iat":1799999940)", "ok"},
      {R"("iat":1800000000)", R"("iat":1799999939)", "pop_stale"},
      {R"("iat":1800000000)", R"("iat":1800000060)", "ok"},
      {R"("iat":1800000000)", R"("iat":1800000061)", "pop_stale"},
      {R"("iat":1800000000)", R"("iat":"now")", "claim_type:iat"},
      {R"("iat":1800000000,)", "", "claim_missing:iat"},
      {R"("htm":"GET",)", "", "claim_missing:htm"},
      {R"(,"jti":"one")", "", "claim_missing:jti"},
      {R"("jti":"one")", R"("jti":"")", "claim_type:jti"},
      {R"("jti":"one")", R"("jti":1)", "claim_type:jti"},
      {R"("jti":"one")", R"("jti":"one","nonce":"n")", "ok"},
      {R"("jti":"one")", R"("jti":"one","x":"n")", "unknown_claim:x"},
      {R"("jti":"one")", R"("jti":"one","jti":"two")", "duplicate_member"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.with);
    ProofWorld world;
    CHECK(world.present(world.proof(row.what, row.with)) == row.reason);
  }
}

TEST_CASE("a proof is the holder's, of the right type, and names no private key") {
  ProofWorld world;
  const std::string payload = world.proof_payload();
  const std::string header = world.proof_header();
  CHECK(world.present(sign_jws(header, payload, world.stranger)) == "pop_signature");
  std::string other = R"({"alg":"EdDSA","jwk":)";
  append_jwk(other, world.stranger.public_key());
  CHECK(world.present(sign_jws(other + R"(,"typ":"dpop+jwt"})", payload, world.stranger)) == "pop_key_mismatch");
  const auto with_header = [&](std::string_view what, std::string_view with) {
    return world.present(sign_jws(TokenWorld::replaced(header, what, with), payload, world.holder));
  };
  CHECK(with_header("dpop+jwt", "JWT") == "bad_typ");
  CHECK(with_header("EdDSA", "none") == "bad_alg");
  CHECK(with_header(R"("typ")", R"("kid":"x","typ")") == "unknown_header_param:kid");
  CHECK(with_header(R"("crv")", R"("d":"AA","crv")") == "bad_cnf:private");
  CHECK(with_header(R"("jwk":)", R"("jwk":"x","jwk":)") == "duplicate_member");
  CHECK(world.present(sign_jws(R"({"alg":"EdDSA","typ":"dpop+jwt"})", payload, world.holder)) == "bad_cnf");
  CHECK(world.present("") == "malformed_jws");
}

TEST_CASE("a bound token needs its proof, and the DPoP scheme needs one always") {
  ProofWorld bound;
  CHECK(bound.present(std::nullopt) == "pop_required");
  CHECK(bound.present(std::nullopt, AuthorizationScheme::bearer) == "pop_required");
  CHECK(bound.present(bound.proof(), AuthorizationScheme::bearer) == "pop_scheme");
  ProofWorld unbound(TokenWorld().root());
  CHECK(unbound.present(std::nullopt, AuthorizationScheme::bearer) == "ok");
  CHECK(unbound.present(std::nullopt) == "pop_required");
  CHECK(unbound.present(unbound.proof()) == "ok");
}

TEST_CASE("a proof passes once in all the time in which it could pass") {
  ProofWorld world;
  const std::string proof = world.proof(R"("iat":1800000000)", R"("iat":1800000060)");
  CHECK(world.present(proof) == "ok");
  for (int second = 0; second <= 120; ++second) {
    CAPTURE(second);
    world.now_s = 1'800'000'000 + second;
    CHECK(world.present(proof) == "pop_replayed");
  }
  world.now_s = 1'800'000'121;
  CHECK(world.present(proof) == "pop_stale");
}

TEST_CASE("the memory forgets after 120 seconds, never early, and refuses when it is full") {
  using Answer = ReplayMemory::Answer;
  const auto at = [](std::int64_t s) { return instant_from_s(1'800'000'000 + s); };
  for (std::int64_t start = 0; start < 60; start += 7) {
    CAPTURE(start);
    ReplayMemory memory(2);
    CHECK(memory.remember(Digest{1}, at(start)) == Answer::fresh);
    CHECK(memory.remember(Digest{1}, at(start + 120)) == Answer::seen);
    CHECK(memory.remember(Digest{1}, at(start - 1000)) == Answer::seen);
    CHECK(memory.remember(Digest{2}, at(start + 120)) == Answer::fresh);
    CHECK(memory.remember(Digest{3}, at(start + 120)) == Answer::full);
    CHECK(memory.remember(Digest{3}, at(start + 181)) == Answer::fresh);
    CHECK(memory.remember(Digest{1}, at(start + 100'000)) == Answer::fresh);
    CHECK(memory.remember(Digest{2}, at(start + 100'000)) == Answer::fresh);
  }
}

TEST_CASE("a full memory is no proof of anything: unavailable, not accepted") {
  ProofWorld world;
  world.memory = ReplayMemory(0);
  const std::string proof = world.proof();
  const Presented presented{.scheme = AuthorizationScheme::dpop, .credential = world.credential, .proof = proof};
  const auto checked = check_proof(world.token, presented, {.method = "GET", .url = "https://cadastre.example/v1/vms"},
                                   world.memory, world.now());
  REQUIRE_FALSE(checked.has_value());
  CHECK(checked.error() == TokenFault{FaultKind::unavailable, "pop_memory_full"});
}

TEST_CASE("the claims of a proof are read without its signature") {
  constexpr std::string_view payload = R"({"ath":"a","htm":"GET","htu":"https://h/","iat":1,"jti":"j","nonce":"n"})";
  const auto claims = decode_proof_claims(payload);
  REQUIRE(claims.has_value());
  CHECK(claims->method == "GET");
  CHECK(claims->url == "https://h/");
  CHECK(claims->credential_hash == "a");
  CHECK(claims->id == "j");
  CHECK(claims->issued_at_s == 1);
  CHECK(decode_proof_claims(R"({"ath":"a","htm":"GET","htu":"u","iat":1})").error().reason == "claim_missing:jti");
}

TEST_CASE("URLs are compared in their normal form (RFC 3986 section 6.2)") {
  struct Row {
    std::string_view url;
    std::optional<std::string> normal;
  };
  const Row rows[] = {
      {"http://127.0.0.1:9221/v1/vms", "http://127.0.0.1:9221/v1/vms"},
      {"HTTP://Example.COM", "http://example.com/"},
      {"http://A.Z/%61%7A%41%5a%30%39", "http://a.z/azAZ09"},
      {"http://example.com:80/", "http://example.com/"},
      {"https://example.com:443/a", "https://example.com/a"},
      {"https://example.com:80/a", "https://example.com:80/a"},
      {"https://example.com:/a", "https://example.com/a"},
      {"http://[::1]:9221/a", "http://[::1]:9221/a"},
      {"http://[::1]:80", "http://[::1]/"},
      {"http://h/%7euser/%2f", "http://h/~user/%2F"},
      {"http://h/%2541", "http://h/%2541"},
      {"http://h/%zz", std::nullopt},
      {"http://h/%4", std::nullopt},
      {"http://h/%%341", std::nullopt},  // its escape undone would be another escape
      {"http://h:80:80/", std::nullopt},
      {"http://h::/", std::nullopt},
      {"http://h:8o/", std::nullopt},
      {"http://:80/", std::nullopt},
      {"http://[::1/", std::nullopt},
      {"http://[::1]a/", std::nullopt},
      {"http://h/a?b/c#d", "http://h/a"},
      {"http://h?x", "http://h/"},
      {"ftp://h/", std::nullopt},
      {"http:/h", std::nullopt},
      {"http://", std::nullopt},
      {"http://user@h/", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(row.url);
    CHECK(normal_url(row.url) == row.normal);
    if (row.normal) CHECK(normal_url(*row.normal) == row.normal);
  }
}

}  // namespace
}  // namespace cadastre

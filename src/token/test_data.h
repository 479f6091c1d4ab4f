// Test data for the tests of this room: files, and a small deployment with keys of its own.
#pragma once

#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "base/json.h"
#include "token/verify.h"

namespace cadastre {

/// The JSON file at that path from the source directory; nothing when there is none.
inline std::optional<json::Value> test_data(const std::string& path) {
  constexpr int depth_max = 12;
  std::ifstream stream(CADASTRE_SOURCE_DIR "/" + path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  return json::parse(content, depth_max).value;
}

/// An issuer, a holder, and a token between them of which a test changes one thing.
struct TokenWorld {
  PrivateKey issuer = PrivateKey::from_seed(Bytes<32>{1});
  PrivateKey holder = PrivateKey::from_seed(Bytes<32>{2});
  PrivateKey next_holder = PrivateKey::from_seed(Bytes<32>{3});
  PrivateKey stranger = PrivateKey::from_seed(Bytes<32>{4});
  VerifierRules rules{
      .issuer = "https://issuer.example", .audience = "cadastre:test", .service = "control", .links_max = 4};
  IssuerKeys keys;
  AdmittedKeys admitted;
  std::int64_t now_s = 1'800'000'000;

  TokenWorld() { keys.put(issuer.public_key(), IssuerKeyState::active); }

  Instant now() const { return instant_from_s(now_s); }

  Claims claims() const {
    return {.issuer = rules.issuer,
            .audience = rules.audience,
            .tenant = *TenantId::parse("acme-corp"),
            .id = TokenId{7},
            .scope = Scope::tenant_admin(),
            .subject = holder.public_key(),
            .generation = 1,
            .issued_at_s = now_s - 10,
            .not_before_s = now_s - 10,
            .expires_at_s = now_s + 3600,
            .delegable_depth = 3};
  }

  std::string header() const {
    return R"({"alg":"EdDSA","kid":")" + kid_of(issuer.public_key()) + R"(","typ":"cadastre-cap+jwt"})";
  }

  /// The payload of `claims()` with the first `what` replaced.
  std::string payload(std::string_view what = "", std::string_view with = "") const {
    return replaced(encode_claims(claims()), what, with);
  }

  std::string root(std::string_view what = "", std::string_view with = "") const {
    return sign_jws(header(), payload(what, with), issuer);
  }

  /// The payload of a link that hangs below `parent`, by its holder, to `next_holder`.
  std::string link_payload(std::string_view parent, std::string_view what = "", std::string_view with = "") const {
    std::string text = R"({"cnf":{"jwk":)";
    append_jwk(text, next_holder.public_key());
    text += R"(},"del_depth":1,"exp":)" + std::to_string(now_s + 600) + R"(,"iat":)" + std::to_string(now_s - 5);
    text += R"(,"iss":")" + encode_base64url(thumbprint(holder.public_key())) + R"(","jti":"AAAAAAAAAAAAAAAAAAAAAA")";
    const auto rid = rid_of(parent.substr(0, parent.rfind('.')));
    text += R"(,"par_hash":")" + encode_base64url(rid) + R"(","scope":"INPUT"})";
    return replaced(text, what, with);
  }

  /// `text` with the first `what` replaced; something no test expects when there is none.
  static std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const std::size_t at = text.find(what);
    if (at == std::string::npos) return "there is no " + std::string(what);
    return text.replace(at, what.size(), with);
  }

  Checked<VerifiedToken> verify(std::string_view credential) {
    return verify_token(credential, rules, keys, admitted, now());
  }

  std::string outcome(std::string_view credential) {
    const auto token = verify(credential);
    return token ? "ok" : token.error().reason;
  }
};

template <class T>
std::string reason_of(const Checked<T>& checked) {
  return checked ? "ok" : checked.error().reason;
}

}  // namespace cadastre

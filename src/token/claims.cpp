#include "token/claims.h"

#include <algorithm>
#include <utility>

namespace cadastre {
namespace {

enum class Presence { required, optional, absent };
enum class Shape { text, date, depth, id, device, pop, digests, object, array };

struct ClaimRule {
  std::string_view name;
  Shape shape;
  Presence in_capability;
  Presence in_link;
};

// TOKENS.md section 4. `tid` is optional here: whether it may be missing depends on the scope.
constexpr ClaimRule claim_rules[] = {
    {"iss", Shape::text, Presence::required, Presence::required},
    {"aud", Shape::text, Presence::required, Presence::absent},
    {"sub", Shape::text, Presence::required, Presence::absent},
    {"tid", Shape::text, Presence::optional, Presence::optional},
    {"gen", Shape::date, Presence::required, Presence::absent},
    {"jti", Shape::id, Presence::required, Presence::required},
    {"iat", Shape::date, Presence::required, Presence::required},
    {"exp", Shape::date, Presence::required, Presence::required},
    {"nbf", Shape::date, Presence::optional, Presence::optional},
    {"scope", Shape::text, Presence::required, Presence::required},
    {"cnf", Shape::object, Presence::required, Presence::required},
    {"del_max_depth", Shape::depth, Presence::optional, Presence::optional},
    {"del_depth", Shape::date, Presence::absent, Presence::required},
    {"par_hash", Shape::text, Presence::absent, Presence::required},
    {"pop", Shape::pop, Presence::optional, Presence::optional},
    {"cav", Shape::array, Presence::optional, Presence::optional},
    {"anc", Shape::digests, Presence::optional, Presence::absent},
    {"dev", Shape::device, Presence::optional, Presence::absent},
};

Presence presence_in(ObjectKind kind, const ClaimRule& rule) {
  return kind == ObjectKind::link ? rule.in_link : rule.in_capability;
}

bool is_device(std::string_view text) {
  constexpr std::size_t device_chars_max = 63;
  return !text.empty() && text.size() <= device_chars_max &&
         std::ranges::all_of(text, [](char c) { return '!' <= c && c <= '~'; });
}

bool is_digest(const json::Value& value) {
  return value.kind == json::Kind::string && decode_digest(value.text).has_value();
}

bool has_shape(const json::Value& value, Shape shape, ObjectKind kind) {
  const bool is_text = value.kind == json::Kind::string;
  switch (shape) {
    case Shape::text: return is_text;
    case Shape::date: return numeric_date(value).has_value();
    case Shape::depth: return numeric_date(value).value_or(delegable_depth_max + 1) <= delegable_depth_max;
    case Shape::id: return is_text && is_jti(value.text, kind == ObjectKind::link ? chosen_jti_bytes_max : 16);
    case Shape::device: return is_text && is_device(value.text);
    case Shape::pop: return is_text && value.text == "dpop";
    case Shape::digests:
      return value.kind == json::Kind::array && value.elements.size() <= ancestors_max &&
             std::ranges::all_of(value.elements, is_digest);
    case Shape::object: return value.kind == json::Kind::object;
    case Shape::array: return value.kind == json::Kind::array;
  }
  std::unreachable();
}

Checked<void> check_shape(const json::Value& payload, ObjectKind kind) {
  std::size_t known = 0;
  for (const ClaimRule& rule : claim_rules) {
    const Presence presence = presence_in(kind, rule);
    if (presence == Presence::absent) continue;
    const json::Value* const value = payload.find(rule.name);
    if (value == nullptr && presence == Presence::required) return fault_about("claim_missing", rule.name);
    if (value != nullptr && !has_shape(*value, rule.shape, kind)) return fault_about("claim_type", rule.name);
    known += value != nullptr ? 1 : 0;
  }
  if (known == payload.members.size()) return {};
  const auto is_unknown = [kind](const json::Member& member) {
    const auto* const rule = std::ranges::find(claim_rules, std::string_view(member.name), &ClaimRule::name);
    return rule == std::ranges::end(claim_rules) || presence_in(kind, *rule) == Presence::absent;
  };
  return fault_about("unknown_claim", std::ranges::find_if(payload.members, is_unknown)->name);
}

void take(ReceivedClaims& claims, json::Member& member) {
  const std::string_view name = member.name;
  json::Value& value = member.value;
  if (name == "iss") claims.issuer = std::move(value.text);
  if (name == "aud") claims.audience = std::move(value.text);
  if (name == "sub") claims.subject = std::move(value.text);
  if (name == "par_hash") claims.parent_hash = std::move(value.text);
  if (name == "scope") claims.scope = std::move(value.text);
  if (name == "jti") claims.id = std::move(value.text);
  if (name == "dev") claims.device = std::move(value.text);
  if (name == "tid") claims.tenant = std::move(value.text);
  if (name == "iat") claims.issued_at_s = *value.integer();
  if (name == "exp") claims.expires_at_s = *value.integer();
  if (name == "nbf") claims.not_before_s = value.integer();
  if (name == "gen") claims.generation = *value.integer();
  if (name == "del_depth") claims.depth = *value.integer();
  if (name == "del_max_depth") claims.delegable_depth = value.integer();
  if (name == "pop") claims.requires_pop = true;
  if (name == "anc") {
    for (const json::Value& element : value.elements) claims.ancestors.push_back(*decode_digest(element.text));
  }
  if (name == "cnf") {
    claims.confirmation = std::move(value);
  } else if (name == "cav") {
    claims.caveats = std::move(value);
  }
}

void append_ancestors(std::string& out, const std::vector<RevocationId>& ancestors) {
  out += '[';
  for (const RevocationId& rid : ancestors) {
    if (&rid != &ancestors.front()) out += ',';
    json::append_string(out, encode_base64url(rid));
  }
  out += ']';
}

void append_confirmation(json::Object& object, const PublicKey& subject) {
  std::string& confirmation = object.key("cnf");
  confirmation += R"({"jwk":)";
  append_jwk(confirmation, subject);
  confirmation += '}';
}

/// Signs, unless the payload or the element would pass the limits of TOKENS.md section 7.
Result<MintedToken> sign_element(std::string_view header, const std::string& payload, const PrivateKey& key) {
  MintedToken minted{.text = sign_jws(header, payload, key)};
  if (payload.size() > payload_bytes_max || minted.text.size() > element_chars_max) {
    return refuse_member("caveats", "would make the token longer than a header may carry");
  }
  minted.rid = rid_of(std::string_view(minted.text).substr(0, minted.text.rfind('.')));
  return minted;
}

}  // namespace

bool is_jti(std::string_view text, std::size_t bytes_max) {
  const auto bytes = decode_base64url(text);
  return bytes && bytes->size() >= 16 && bytes->size() <= bytes_max;
}

std::optional<std::int64_t> numeric_date(const json::Value& value) {
  constexpr std::int64_t date_max = 9'007'199'254'740'991;  // 2^53 - 1
  const auto number = value.integer();
  if (!number || value.text.front() == '-' || *number > date_max) return std::nullopt;
  return number;
}

Checked<ReceivedClaims> decode_claims(std::string_view payload, ObjectKind kind) {
  json::Value object = TRY(decode_object(payload));
  TRY(check_shape(object, kind));
  ReceivedClaims claims;
  for (json::Member& member : object.members) take(claims, member);
  return claims;
}

std::string encode_claims(const Claims& claims) {
  std::string text;
  json::Object object(text);  // members in canonical order
  if (!claims.ancestors.empty()) append_ancestors(object.key("anc"), claims.ancestors);
  object.field("aud", claims.audience);
  if (!claims.caveats.empty()) object.key("cav") += claims.caveats;
  append_confirmation(object, claims.subject);
  if (claims.delegable_depth > 0) object.field("del_max_depth", claims.delegable_depth);
  if (!claims.device.empty()) object.field("dev", claims.device);
  object.field("exp", claims.expires_at_s).field("gen", claims.generation).field("iat", claims.issued_at_s);
  object.field("iss", claims.issuer).field("jti", encode_base64url(claims.id));
  if (claims.not_before_s != claims.issued_at_s) object.field("nbf", claims.not_before_s);
  if (claims.requires_pop) object.field("pop", "dpop");
  object.field("scope", claims.scope.text_view()).field("sub", encode_base64url(thumbprint(claims.subject)));
  if (!claims.tenant.is_platform()) object.field("tid", claims.tenant.text());
  object.end();
  return text;
}

Result<MintedToken> mint(const Claims& claims, const PrivateKey& issuer, AlgorithmName algorithm) {
  std::string header;
  json::Object(header)
      .field("alg", name_of(algorithm))
      .field("kid", encode_base64url(thumbprint(issuer.public_key())))
      .field("typ", name_of(ObjectKind::capability))
      .end();
  return sign_element(header, encode_claims(claims), issuer);
}

std::string encode_link_claims(const LinkClaims& link, const PublicKey& parent_key) {
  std::string text;
  json::Object object(text);  // members in canonical order
  if (!link.caveats.empty()) object.key("cav") += link.caveats;
  append_confirmation(object, link.subject);
  object.field("del_depth", link.depth);
  if (link.delegable_depth) object.field("del_max_depth", *link.delegable_depth);
  object.field("exp", link.expires_at_s).field("iat", link.issued_at_s);
  object.field("iss", encode_base64url(thumbprint(parent_key))).field("jti", encode_base64url(link.id));
  if (link.not_before_s) object.field("nbf", *link.not_before_s);
  object.field("par_hash", encode_base64url(link.parent));
  if (link.requires_pop) object.field("pop", "dpop");
  object.field("scope", link.scope.text_view());
  if (link.tenant) object.field("tid", link.tenant->text());
  object.end();
  return text;
}

Result<MintedToken> mint_link(const LinkClaims& link, const PrivateKey& holder, AlgorithmName algorithm) {
  std::string header;
  json::Object(header).field("alg", name_of(algorithm)).field("typ", name_of(ObjectKind::link)).end();
  return sign_element(header, encode_link_claims(link, holder.public_key()), holder);
}

}  // namespace cadastre

#include "service/session_token.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/json.h"

namespace cadastre {
namespace {

constexpr int grant_depth_max = 8;

/// `[[caveats of the root],[of the first link],…]`: counters are kept for the element that carries the caveat.
void append_caveats(std::string& out, const Caller& caller) {
  out += '[';
  for (std::size_t element = 0; element < caller.elements; ++element) {
    std::vector<Caveat> own;
    std::ranges::copy_if(caller.caveats, std::back_inserter(own),
                         [&](const Caveat& caveat) { return caveat.element == element; });
    if (element > 0) out += ',';
    out += own.empty() ? "[]" : encode_caveats(own);
  }
  out += ']';
}

/// A member of a grant. Throws when it is missing or of another kind: only this process's own kind writes grants.
const json::Value& member(const json::Value& grant, std::string_view name, json::Kind kind) {
  const json::Value* const value = grant.find(name);
  if (value == nullptr || value->kind != kind) throw StoreFailure("what a session allows cannot be read");
  return *value;
}

std::vector<Caveat> decode_caveats_of(const json::Value& grant) {
  std::vector<Caveat> caveats;
  const auto& elements = member(grant, "cav", json::Kind::array).elements;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (elements[i].elements.empty()) continue;
    auto own = decode_caveats(elements[i], i);
    if (!own) throw StoreFailure("what a session allows cannot be read");
    std::ranges::move(*own, std::back_inserter(caveats));
  }
  return caveats;
}

/// Grants of earlier builds do not say when the chain's root ends: as late as any root could.
std::int64_t root_expiry_of(const json::Value& grant) {
  const std::int64_t longest_life_s = VerifierRules().lifetime_max.count();
  const json::Value* const told = grant.find("root_exp");
  if (told != nullptr) return told->integer().value_or(0);
  return member(grant, "exp", json::Kind::number).integer().value_or(0) + longest_life_s;
}

/// Root first, as a verified token has what a caller has upwards.
template <class Id>
std::vector<Id> downwards(const std::vector<Id>& upwards, std::size_t elements) {
  std::vector<Id> ids(upwards.begin(), upwards.end());
  std::reverse(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(elements));
  return ids;
}

}  // namespace

std::optional<SessionCredential> SessionCredential::parse(std::string_view text) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view named = text.substr(0, first);
  const auto tenant = TenantId::parse(named);
  const auto id = decode_base64url(text.substr(first + 1, second - first - 1));
  const auto secret = decode_base64url(text.substr(second + 1));
  const auto id_bytes = id ? exactly<16>(*id) : std::nullopt;
  const auto secret_bytes = secret ? exactly<32>(*secret) : std::nullopt;
  if ((!tenant && !named.empty()) || !id_bytes || !secret_bytes) return std::nullopt;
  return SessionCredential{.tenant = tenant ? *tenant : TenantId::platform(), .id = *id_bytes, .secret = *secret_bytes};
}

std::string SessionCredential::text() const {
  return std::string(prefix) + tenant.text() + '.' + encode_base64url(id) + '.' + encode_base64url(secret);
}

RevocationId session_rid(const SessionId& id) {
  constexpr std::string_view tag = "cadastre session";
  return sha256({as_bytes(tag), id});
}

std::string encode_grant(const Caller& caller) {
  std::string text;
  json::Object object(text);
  object.field("aud", caller.audience);
  append_caveats(object.key("cav"), caller);
  object.field("elements", static_cast<std::int64_t>(caller.elements))
      .field("exp", s_since_epoch(caller.expires_at))
      .field("home", caller.home.text())
      .field("kid", caller.kid)
      .field("root_exp", s_since_epoch(caller.root_expires_at))
      .end();
  return text;
}

VerifiedToken token_of(const Session& session) {
  const auto grant = json::parse(session.grant, grant_depth_max).value;
  const auto scope = Scope::parse_canonical(session.scope);
  if (!grant || !scope) throw StoreFailure("what a session allows cannot be read");
  const auto elements = static_cast<std::size_t>(member(*grant, "elements", json::Kind::number).integer().value_or(0));
  if (elements == 0 || elements > session.rids.size() || elements > session.keys.size())
    throw StoreFailure("what a session allows cannot be read");
  auto keys = downwards(session.keys, elements);
  keys.resize(elements);  // those of ancestors are the caller's affair
  const auto home = TenantId::parse(member(*grant, "home", json::Kind::string).text);
  const std::int64_t opened_at_s = s_since_epoch(session.opened_at);
  return {.id = session.token_id,
          .home = home ? *home : TenantId::platform(),
          .tenant = session.tenant.is_platform() ? std::nullopt : std::optional(session.tenant),
          .scope = *scope,
          .holder = session.subject_key,
          .rids = downwards(session.rids, elements),
          .elements = elements,
          .key_thumbprints = std::move(keys),
          .kid = member(*grant, "kid", json::Kind::string).text,
          .audience = member(*grant, "aud", json::Kind::string).text,
          .device = {},
          .generation = session.generation,
          .issued_at_s = opened_at_s,
          .not_before_s = opened_at_s,
          .expires_at_s = member(*grant, "exp", json::Kind::number).integer().value_or(0),
          .root_expires_at_s = root_expiry_of(*grant),
          .caveats = decode_caveats_of(*grant)};
}

Caller caller_of(const Session& session) {
  const VerifiedToken token = token_of(session);
  return {.tenant = session.tenant,
          .home = token.home,
          .scope = token.scope,
          .token_id = session.token_id,
          .rids = session.rids,
          .elements = token.elements,
          .subject_key = session.subject_key,
          .key_thumbprints = session.keys,
          .generation = session.generation,
          .expires_at = instant_from_s(token.expires_at_s),
          .root_expires_at = instant_from_s(token.root_expires_at_s),
          .caveats = token.caveats,
          .audience = token.audience,
          .kid = token.kid,
          .session = CallerSession{.id = session.id, .rid = session_rid(session.id), .expires_at = session.expires_at}};
}

}  // namespace cadastre

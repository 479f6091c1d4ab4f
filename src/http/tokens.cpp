#include "http/tokens.h"

#include <fmt/format.h>

#include "http/answer.h"
#include "http/authenticate.h"
#include "http/body.h"
#include "http/page.h"
#include "service/devices.h"
#include "service/replacements.h"
#include "service/revocations.h"
#include "token/caveat.h"
#include "token/subject_pubkey.h"

namespace cadastre::http {
namespace {

/// The namespace that a token is issued in: the path's, or with the alias the body's `tenant_id` or the caller's own.
Result<TenantId> namespace_of(const Call& call, const std::optional<std::string>& named, const Scope& scope) {
  if (!named) {
    if (is_platform(call.caller) && call.tenant.is_platform() && !(scope == Scope::platform_admin())) {
      return refuse(Code::malformed, "tenant_id",
                    "tenant_id is required: a platform administrator's token has no tenant.");
    }
    return call.tenant;
  }
  if (*named == call.tenant.text()) return call.tenant;
  if (!is_platform(call.caller) || !call.tenant.is_platform()) {
    return refuse(Code::tenant_mismatch, "tenant_id", "The token belongs to another tenant than the body names.");
  }
  auto tenant = TenantId::parse(*named);
  if (!tenant) return refuse(Code::not_found, "tenant", "There is no such tenant.");
  return *std::move(tenant);
}

Result<TokenOrder> decode_token_order(const Call& call) {
  Body body = TRY(Body::parse(call.request));
  const json::Value* const key = take_subject_pubkey(body);
  if (key == nullptr) body.wrong("/subject_pubkey", "is required");
  const std::string scope_text = body.text("scope");
  const std::int64_t expires_in_s = body.integer("expires_in_seconds");
  const std::int64_t depth = body.optional_integer("delegable_depth").value_or(0);
  const json::Value* const caveats = body.raw("caveats");
  if (caveats != nullptr && caveats->kind != json::Kind::array) body.wrong("/caveats", "must be an array");
  const bool requires_pop = body.flag("require_pop", false);
  std::string label = body.optional_text("label").value_or("");
  std::string audience = body.optional_text("audience").value_or("");
  const auto named = body.optional_text("tenant_id");
  TRY(body.finish());
  const Scope scope = TRY(Scope::parse(scope_text));
  return TokenOrder{.tenant = TRY(namespace_of(call, named, scope)),
                    .subject_key = TRY(decode_subject_pubkey(call, key)),
                    .scope = scope,
                    .expires_in_s = expires_in_s,
                    .delegable_depth = depth,
                    .requires_pop = requires_pop,
                    .caveats = caveats == nullptr ? std::string() : TRY(admit_caveats(*caveats)),
                    .label = std::move(label),
                    .audience = std::move(audience)};
}

void append_token_record(std::string& out, const IssuedToken& token) {
  json::Object object(out);
  object.field("token_id", encode_base64url(token.id)).field("rid", encode_base64url(token.rid));
  object.field_or_null("tenant_id", token.tenant.text());
  object.field("scope", token.scope)
      .field("subject_pubkey", encode_base64url(token.subject_key))
      .field("label", token.label)
      .field("audience", token.audience)
      .field("kid", token.kid)
      .field("delegable_depth", token.delegable_depth)
      .field("require_pop", token.requires_pop);
  object.key("caveats") += token.caveats.empty() ? "[]" : token.caveats;
  object.field_or_null("device_id", token.device);
  append_time(object.key("issued_at"), token.issued_at);
  append_time(object.key("expires_at"), token.expires_at);
  object.field_or_null("issued_by", token.issued_by);
  if (token.parent)
    object.field("parent", encode_base64url(*token.parent));
  else
    object.null("parent");
  append_time(object.key("first_seen"), token.first_seen);
  append_time(object.key("last_seen"), token.last_seen);
  append_time(object.key("revoked_at"), token.revoked_at);
  object.field_or_null("revoked_by", token.revoked_by);
  object.end();
}

void append_fresh_token(std::string& out, const FreshToken& token) {
  json::Object object(out);
  append_token_members(object, token);
  object.end();
}

Result<ReplacementOrder> decode_replacement(const Request& request) {
  Body body = TRY(Body::parse(request));
  ReplacementOrder order{.expires_in_s = body.optional_integer("expires_in_seconds"),
                         .delegable_depth = body.optional_integer("delegable_depth"),
                         .requires_pop = body.optional_flag("require_pop"),
                         .label = body.optional_text("label")};
  const auto scope = body.optional_text("scope");
  const json::Value* const caveats = body.raw("caveats");
  if (caveats != nullptr && caveats->kind != json::Kind::array) body.wrong("/caveats", "must be an array");
  TRY(body.finish());
  if (scope) order.scope = TRY(Scope::parse(*scope));
  if (caveats != nullptr) order.caveats = TRY(admit_caveats(*caveats));
  return order;
}

/// `token_ids`: a list of texts; keeps an error otherwise.
std::vector<std::string> take_token_ids(Body& body) {
  std::vector<std::string> ids;
  const json::Value* const value = body.raw("token_ids");
  const bool is_list = value != nullptr && value->kind == json::Kind::array;
  if (!is_list) body.wrong("/token_ids", value == nullptr ? "is required" : "must be an array");
  for (std::size_t i = 0; is_list && i < value->elements.size(); ++i) {
    const json::Value& element = value->elements[i];
    if (element.kind != json::Kind::string) body.wrong(fmt::format("/token_ids/{}", i), "must be a string");
    ids.push_back(element.text);
  }
  return ids;
}

Result<std::optional<TokenId>> token_after(const PageRequest& page) {
  if (page.after.empty()) return std::optional<TokenId>();
  auto id = exactly<16>(page.after);
  if (!id) return refuse(Code::malformed, "page_token", "page_token is not one that this list has given.");
  return id;
}

std::optional<RevocationId> decode_rid(std::string_view text) {
  const auto bytes = decode_base64url(text);
  return bytes ? exactly<32>(*bytes) : std::nullopt;
}

/// Of a token that is known by its id or rid, or of a link by its rid.
std::optional<RevocationId> rid_named(Reader& reader, const TenantId& tenant, std::string_view id_or_rid) {
  const auto known = token(reader, tenant, id_or_rid);
  return known ? known->rid : decode_rid(id_or_rid);
}

/// `?devices=true`: with the devices that were enrolled under what is revoked.
Result<bool> asks_for_devices(const Request& request) {
  const auto devices = TRY(Query::parse(request.query())).find("devices");
  if (devices && *devices != "true" && *devices != "false") {
    return refuse(Code::malformed, "devices", "devices must be true or false.");
  }
  return devices == "true";
}

}  // namespace

const json::Value* take_subject_pubkey(Body& body) {
  const json::Value* const key = body.raw("subject_pubkey");
  if (key != nullptr && key->kind != json::Kind::string && key->kind != json::Kind::object) {
    body.wrong("/subject_pubkey", "must be a string or a JWK object");
  }
  return key;
}

Result<PublicKey> decode_subject_pubkey(const Call& call, const json::Value* value) {
  auto key = parse_subject_pubkey(*value, call.authenticator.admitted());
  if (key) return *key;
  Refusal refusal = std::move(key).error();
  refusal.detail = fmt::format("{}: {}", refusal.subject, refusal.detail);
  refusal.errors.push_back({"/subject_pubkey", refusal.detail});
  return std::unexpected(std::move(refusal));
}

void append_token_members(json::Object& object, const FreshToken& token) {
  const IssuedToken& record = token.record;
  object.field("token", token.text)
      .field("token_id", encode_base64url(record.id))
      .field("rid", encode_base64url(record.rid));
  object.field_or_null("tenant_id", record.tenant.text());
  object.field("scope", record.scope).field("subject_pubkey", encode_base64url(record.subject_key));
  append_time(object.key("expires_at"), record.expires_at);
  object.field("kid", record.kid);
}

Response token_answer(const FreshToken& token) {
  const IssuedToken& record = token.record;
  Response response{.status = 201, .content_type = "application/json", .headers = "Cache-Control: no-store\r\n"};
  const std::string id = encode_base64url(record.id);
  response.token_reference = record.tenant.text() + "/" + id;
  if (!record.tenant.is_platform()) {
    response.headers += fmt::format("Location: /v1/tenants/{}/tokens/{}\r\n", record.tenant.text(), id);
  }
  append_fresh_token(response.body, token);
  return response;
}

Response tokens_answer(const std::vector<FreshToken>& tokens) {
  Response response{.status = 201, .content_type = "application/json", .headers = "Cache-Control: no-store\r\n"};
  std::string ids;
  json::Object object(response.body);
  std::string& out = object.key("tokens") += '[';
  for (const FreshToken& token : tokens) {
    if (!ids.empty()) ids += ',', out += ',';
    ids += encode_base64url(token.record.id);
    append_fresh_token(out, token);
  }
  out += ']';
  object.end();
  response.token_reference = fmt::format("{}/[{}]", tokens.front().record.tenant.text(), ids);
  return response;
}

Result<Response> post_token(const Call& call, Tx& tx) {
  const auto order = TRY(decode_token_order(call));
  return token_answer(TRY(issue_token(tx, call.services, call.caller, order)));
}

Result<Response> post_replacement(const Call& call, Tx& tx) {
  const auto order = TRY(decode_replacement(call.request));
  return token_answer(TRY(replace_token(tx, call.services, call.caller, call.tenant, call.path.back(), order)));
}

Result<Response> post_replacements(const Call& call, Tx& tx) {
  Body body = TRY(Body::parse(call.request));
  const auto ids = take_token_ids(body);
  const std::string scope = body.text("scope");
  ReplacementOrder order{.expires_in_s = body.optional_integer("expires_in_seconds")};
  TRY(body.finish());
  order.scope = TRY(Scope::parse(scope));
  return tokens_answer(TRY(replace_tokens(tx, call.services, call.caller, call.tenant, ids, order)));
}

Result<Response> get_tokens(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  const auto page = TRY(parse_page(query, "tokens"));
  const auto tenant = reader.tenant(call.tenant);
  if (!tenant || tenant->state == TenantState::deleted) {
    return refuse(Code::not_found, "tenant", "There is no such tenant.");
  }
  const auto tokens = reader.tokens(call.tenant, {.after = TRY(token_after(page)), .limit = page.size + 1});
  return list_answer(
      "tokens", tokens, page.size, [](std::string& out, const IssuedToken& token) { append_token_record(out, token); },
      [](const IssuedToken& last) { return encode_page_token("tokens", as_text(last.id)); });
}

Result<Response> get_token(const Call& call, Reader& reader) {
  const auto found = TRY(token(reader, call.tenant, call.path.back()));
  Response response{.status = 200, .content_type = "application/json"};
  append_etag(response.headers, revision_of(found));
  append_token_record(response.body, found);
  return response;
}

Result<Response> remove_token(const Call& call, Tx& tx) {
  const auto if_match = TRY(parse_if_match(call.request));
  const bool with_devices = TRY(asks_for_devices(call.request));
  TRY(revoke_token(tx, call.services, call.caller, call.tenant, call.path.back(), if_match));
  if (with_devices)
    remove_devices_of(tx, call.services, call.caller, call.tenant,
                      {.rid = rid_named(tx, call.tenant, call.path.back())});
  return Response{.status = 204};
}

Result<Response> post_revocation(const Call& call, Tx& tx) {
  const bool with_devices = TRY(asks_for_devices(call.request));
  Revoked revoked;
  Body body = TRY(Body::parse(call.request));
  const auto rid = body.optional_text("rid");
  const auto token_id = body.optional_text("token_id");
  const json::Value* const key = take_subject_pubkey(body);
  const auto text = body.optional_text("token");
  const bool all = body.flag("all", false);
  TRY(body.finish());
  if (int{rid.has_value()} + int{token_id.has_value()} + int{text.has_value()} + int{key != nullptr} + int{all} != 1) {
    return refuse(Code::malformed, "body", "Name exactly one of token_id, rid, token, subject_pubkey and all.");
  }
  if (token_id) {
    TRY(revoke_token(tx, call.services, call.caller, call.tenant, *token_id));
    revoked.rid = rid_named(tx, call.tenant, *token_id);
  }
  if (rid) {
    const auto id = decode_rid(*rid);
    if (!id) return refuse_member("rid", "must be 43 characters of base64url");
    TRY(revoke_rid(tx, call.services, call.caller, call.tenant, *id));
    revoked.rid = *id;
  }
  if (text) {
    const auto presented = call.authenticator.identify(*text);
    if (!presented) return refuse(Code::invalid_field, "token", "token is none that this service would accept.");
    if (presented->tenant != call.tenant) return refuse(Code::not_found, "token", "There is no such token.");
    TRY(revoke_chain(tx, call.services, call.caller, call.tenant, presented->rids_upwards()));
    revoked.rid = presented->rid();
  }
  if (key != nullptr) {
    const auto public_key = TRY(decode_subject_pubkey(call, key));
    TRY(revoke_key(tx, call.services, call.caller, call.tenant, public_key));
    revoked.key = public_key;
  }
  if (all) TRY(revoke_generation(tx, call.services, call.caller, call.tenant));
  revoked.all = all;
  if (with_devices) remove_devices_of(tx, call.services, call.caller, call.tenant, revoked);
  return Response{.status = 204};
}

}  // namespace cadastre::http

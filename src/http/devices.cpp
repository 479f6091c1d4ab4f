#include "http/devices.h"

#include <fmt/format.h>

#include "http/answer.h"
#include "http/body.h"
#include "http/idempotency.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/tokens.h"
#include "token/key_text.h"

namespace cadastre::http {
namespace {

constexpr std::string_view usual_scope = "service:vm-host";
constexpr std::string_view no_store = "Cache-Control: no-store\r\n";

void append_members(json::Object& object, const Device& device) {
  object.field("device_id", device.id)
      .field("tenant_id", device.tenant.text())
      .field("state", name_of(device.state))
      .field("scope", device.scope)
      .field("subject_pubkey", encode_base64url(device.subject_key))
      .field("fingerprint", fingerprint_of(device.subject_key));
  object.field_or_null("token_id", device.token_id);
  append_time(object.key("enrolled_at"), device.enrolled_at);
  object.field_or_null("enrolled_by", device.enrolled_by);
  append_time(object.key("approved_at"), device.approved_at);
  object.field_or_null("approved_by", device.approved_by);
  append_time(object.key("renewed_at"),
              device.token_id.empty() ? std::nullopt : std::optional<Instant>(device.renewed_at));
}

void append_device(std::string& out, const Device& device) {
  json::Object object(out);
  append_members(object, device);
  object.end();
}

std::optional<Instant> last_seen_of(Reader& reader, const Device& device) {
  const auto bytes = decode_base64url(device.token_id);
  const auto id = bytes ? exactly<16>(*bytes) : std::nullopt;
  const auto current = id ? reader.token(device.tenant, *id) : std::nullopt;
  return current ? current->last_seen : std::nullopt;
}

void append_challenge(std::string& out, const DeviceChallenge& challenge, const std::string& audience) {
  const Challenge& record = challenge.record;
  json::Object object(out);
  object.field("tenant_id", record.tenant.text())
      .field("device_id", record.device)
      .field("subject_pubkey", encode_base64url(record.subject_key))
      .field("fingerprint", fingerprint_of(record.subject_key))
      .field("scope", record.scope)
      .field("require_approval", record.kind != ChallengeKind::enrolment)
      .field("audience", audience)
      .field("nonce", encode_base64url(challenge.nonce));
  append_time(object.key("expires_at"), record.expires_at);
  object.end();
}

/// 202: the device waits for an administrator, and comes again with the nonce.
Response pending_answer(const Device& device, const DeviceChallenge& collection, const std::string& audience) {
  Response response{.status = 202, .content_type = "application/json", .headers = std::string(no_store)};
  response.is_never_kept = true;
  json::Object object(response.body);
  append_device(object.key("device"), device);
  append_challenge(object.key("challenge"), collection, audience);
  object.end();
  return response;
}

Response device_answer(const Device& device) {
  Response response{.status = 200, .content_type = "application/json"};
  append_etag(response.headers, device.revision);
  append_device(response.body, device);
  return response;
}

struct ProofBody {
  EnrolmentProof proof;
  std::optional<std::int64_t> expires_in_s;
};

Result<ProofBody> decode_proof_body(const Request& request) {
  Body body = TRY(Body::parse(request));
  const std::string text = body.text("proof");
  const auto expires_in_s = body.optional_integer("expires_in_seconds");
  TRY(body.finish());
  auto proof = read_enrolment_proof(text);
  if (!proof) {
    return refuse(Code::unauthenticated, proof.error().reason,
                  fmt::format("The proof was refused: {}.", proof.error().reason));
  }
  return ProofBody{*std::move(proof), expires_in_s};
}

}  // namespace

Response device_token_answer(const Device& device, const FreshToken& token) {
  Response response{.status = 201, .content_type = "application/json", .headers = std::string(no_store)};
  response.headers += fmt::format("Location: /v1/tenants/{}/devices/{}\r\n", device.tenant.text(), device.id);
  response.token_reference =
      fmt::format("{}/{}{}", device.tenant.text(), device_reference_mark, encode_base64url(token.record.id));
  json::Object object(response.body);
  append_device(object.key("device"), device);
  append_token_members(object, token);
  object.end();
  return response;
}

Result<Response> post_device_challenge(const Call& call, Tx& tx) {
  Body body = TRY(Body::parse(call.request));
  const json::Value* const key = take_subject_pubkey(body);
  if (key == nullptr) body.wrong("/subject_pubkey", "is required");
  ChallengeOrder order{.tenant = call.tenant, .device = body.text("device_id"), .scope = Scope::read()};
  const std::string scope = body.optional_text("scope").value_or(std::string(usual_scope));
  order.needs_approval = body.flag("require_approval", false);
  TRY(body.finish());
  order.scope = TRY(Scope::parse(scope));
  order.subject_key = TRY(decode_subject_pubkey(call, key));
  const auto fresh = TRY(challenge_device(tx, call.services, call.caller, order));
  Response response{.status = 201, .content_type = "application/json", .headers = std::string(no_store)};
  response.is_never_kept = true;
  append_challenge(response.body, fresh, call.services.deployment.audience);
  return response;
}

Result<Caller> read_prover(const Request& request, const TenantId& tenant) {
  const auto [proof, expires_in_s] = TRY(decode_proof_body(request));
  return Caller{.tenant = tenant,
                .home = tenant,
                .scope = Scope::read(),
                .token_id = {},
                .rids = {},
                .subject_key = proof.key,
                .key_thumbprints = {},
                .expires_at = {},
                .caveats = {},
                .audience = proof.audience,
                .device = proof.device,
                .request_id = {}};
}

Result<void> admit_prover(const Call& call, Reader& reader) {
  const auto [proof, expires_in_s] = TRY(decode_proof_body(call.request));
  if (was_answered(call, "device.enrol", reader)) return {};
  TRY(awaited_challenge(reader, call.tenant, proof.nonce, call.services.clock.now()));
  return {};
}

Result<Response> post_device(const Call& call, Tx& tx) {
  const auto [proof, expires_in_s] = TRY(decode_proof_body(call.request));
  const auto outcome = TRY(enrol_device(tx, call.services, call.caller, proof, expires_in_s));
  if (const auto* const counted = std::get_if<CountedAttempt>(&outcome)) {
    Response response = problem(counted->refusal, {call.request.path(), call.caller.request_id, call.tenant.text()});
    response.is_never_kept = true;
    return response;
  }
  const auto& enrolled = std::get<EnrolledDevice>(outcome);
  if (enrolled.token) return device_token_answer(enrolled.device, *enrolled.token);
  return pending_answer(enrolled.device, *enrolled.collection, call.services.deployment.audience);
}

Result<Response> get_devices(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  const auto page = TRY(parse_page(query, "devices"));
  const auto tenant = reader.tenant(call.tenant);
  if (!tenant || tenant->state == TenantState::deleted) {
    return refuse(Code::not_found, "tenant", "There is no such tenant.");
  }
  const auto devices = reader.devices(call.tenant, {.after = page.after, .limit = page.size + 1});
  return list_answer("devices", devices, page.size, append_device,
                     [](const Device& last) { return encode_page_token("devices", last.id); });
}

Result<Response> get_device(const Call& call, Reader& reader) {
  const auto found = TRY(device(reader, call.tenant, call.path.back()));
  Response response{.status = 200, .content_type = "application/json"};
  append_etag(response.headers, found.revision);
  json::Object object(response.body);
  append_members(object, found);
  append_time(object.key("last_seen_at"), last_seen_of(reader, found));
  object.end();
  return response;
}

Result<Response> remove_enrolled_device(const Call& call, Tx& tx) {
  const auto if_match = TRY(parse_if_match(call.request));
  TRY(remove_device(tx, call.services, call.caller, call.tenant, call.path.back(), if_match));
  return Response{.status = 204};
}

Result<Response> post_device_approval(const Call& call, Tx& tx) {
  Body body = TRY(Body::parse(call.request));
  const std::string fingerprint = body.text("fingerprint");
  TRY(body.finish());
  const auto approved = TRY(approve_device(tx, call.services, call.caller, call.tenant, call.path.back(), fingerprint));
  return device_answer(approved);
}

Result<Response> post_device_renewal(const Call& call, Tx& tx) {
  std::optional<std::int64_t> expires_in_s;
  if (!call.request.body.empty()) {
    Body body = TRY(Body::parse(call.request));
    expires_in_s = body.optional_integer("expires_in_seconds");
    TRY(body.finish());
  }
  const auto renewed = TRY(renew_device(tx, call.services, call.caller, expires_in_s));
  return device_token_answer(renewed.device, *renewed.token);
}

}  // namespace cadastre::http

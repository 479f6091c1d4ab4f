#include "http/sessions.h"

#include <fmt/format.h>

#include "http/answer.h"
#include "http/body.h"
#include "http/browser_session.h"
#include "http/page.h"
#include "http/problem.h"
#include "service/sessions.h"

namespace cadastre::http {
namespace {

void append_tenant(json::Object& object, const TenantId& tenant) { object.field_or_null("tenant_id", tenant.text()); }

void append_session(std::string& out, const Session& session, const Caller& caller) {
  json::Object object(out);
  object.field("session_id", encode_base64url(session.id));
  append_tenant(object, session.tenant);
  object.field("token_id", session.token_id)
      .field("scope", session.scope)
      .field("subject_pubkey", encode_base64url(session.subject_key))
      .field("label", session.label)
      .field("browser", session.is_browser)
      .field("address", session.peer);
  append_time(object.key("opened_at"), session.opened_at);
  append_time(object.key("seen_at"), session.seen_at);
  append_time(object.key("expires_at"), session.expires_at);
  object.field("idle_timeout_seconds", session.idle_s)
      .field("current", caller.session && caller.session->id == session.id)
      .end();
}

Result<SessionOrder> decode_session_order(const Call& call) {
  Body body = TRY(Body::parse(call.request));
  SessionOrder order{.proof = body.text("proof"),
                     .label = body.optional_text("label").value_or(""),
                     .is_browser = body.flag("browser", false),
                     .idle_s = body.optional_integer("idle_timeout_seconds"),
                     .lifetime_s = body.optional_integer("lifetime_seconds"),
                     .peer = call.request.peer};
  TRY(body.finish());
  return order;
}

/// The only answer that ever holds a session's secrets: for a browser, the credential is in the cookie alone, where no
/// script can read it.
Response session_answer(const FreshSession& fresh) {
  const Session& session = fresh.record;
  Response response{.status = 201, .content_type = "application/json", .headers = "Cache-Control: no-store\r\n"};
  response.is_never_kept = true;
  const std::string id = encode_base64url(session.id);
  response.headers += fmt::format("Location: /v1/sessions/{}\r\n", id);
  json::Object object(response.body);
  object.field("session_id", id);
  if (session.is_browser) {
    const auto life = std::chrono::floor<std::chrono::seconds>(session.expires_at - session.opened_at);
    response.headers += session_cookie_field(fresh.credential, life.count());
    object.field("csrf_token", fresh.csrf_token);
  } else {
    object.field("credential", fresh.credential);
  }
  object.field("scope", session.scope);
  append_tenant(object, session.tenant);
  append_time(object.key("expires_at"), session.expires_at);
  object.field("idle_timeout_seconds", session.idle_s).end();
  return response;
}

/// A browser that ended its own session forgets the cookie.
void forget_cookie(const Call& call, Response& response) {
  if (!session_cookies(call.request.headers("cookie")).empty()) response.headers += session_cookie_field("", 0);
}

bool is_current(const Call& call, std::string_view id) {
  return call.caller.session && encode_base64url(call.caller.session->id) == id;
}

Result<std::optional<SessionId>> session_after(const PageRequest& page) {
  if (page.after.empty()) return std::optional<SessionId>();
  auto id = exactly<16>(page.after);
  if (!id) return refuse(Code::malformed, "page_token", "page_token is not one that this list has given.");
  return id;
}

}  // namespace

Result<Response> post_session_challenge(const Call& call, Tx& tx) {
  TRY(expect_no_body(call.request));
  const auto fresh = TRY(challenge_session(tx, call.services, call.caller));
  Response response{.status = 201, .content_type = "application/json", .headers = "Cache-Control: no-store\r\n"};
  response.is_never_kept = true;
  json::Object object(response.body);
  object.field("nonce", encode_base64url(fresh.nonce))
      .field("aud", call.services.deployment.audience)
      .field("rid", encode_base64url(call.caller.rids.front()));
  append_time(object.key("expires_at"), fresh.expires_at);
  object.field("expires_in_seconds", std::int64_t{session_challenge_life.count()}).end();
  return response;
}

Result<Response> post_session(const Call& call, Tx& tx) {
  const auto order = TRY(decode_session_order(call));
  const auto outcome = TRY(open_session(tx, call.services, call.caller, order));
  if (const auto* fresh = std::get_if<FreshSession>(&outcome)) return session_answer(*fresh);
  // An answer, though it says no: the wrong proof that was counted is committed with it.
  Response response =
      problem(std::get<WrongProof>(outcome).refusal, {call.request.path(), call.caller.request_id, call.tenant.text()});
  response.is_never_kept = true;
  return response;
}

Result<Response> get_sessions(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  const auto page = TRY(parse_page(query, "sessions"));
  const SessionQuery wanted{.after = TRY(session_after(page)), .limit = page.size + 1};
  const auto found = TRY(sessions(reader, call.caller, call.tenant, wanted, call.services.clock.now()));
  return list_answer(
      "sessions", found, page.size,
      [&](std::string& out, const Session& session) { append_session(out, session, call.caller); },
      [](const Session& last) { return encode_page_token("sessions", as_text(last.id)); });
}

Result<Response> get_session(const Call& call, Reader& reader) {
  const auto found = TRY(session(reader, call.caller, call.tenant, call.path.back(), call.services.clock.now()));
  Response response{.status = 200, .content_type = "application/json"};
  append_session(response.body, found, call.caller);
  return response;
}

Result<Response> remove_session(const Call& call, Tx& tx) {
  TRY(expect_no_body(call.request));
  TRY(close_session(tx, call.services, call.caller, call.tenant, call.path.back()));
  Response response{.status = 204};
  if (is_current(call, call.path.back())) forget_cookie(call, response);
  return response;
}

Result<Response> remove_sessions(const Call& call, Tx& tx) {
  TRY(expect_no_body(call.request));
  const std::int64_t closed = TRY(close_sessions(tx, call.services, call.caller, call.tenant));
  Response response{.status = 200, .content_type = "application/json"};
  json::Object(response.body).field("closed", closed).end();
  forget_cookie(call, response);
  return response;
}

}  // namespace cadastre::http

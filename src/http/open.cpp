#include "http/open.h"

#include "http/answer.h"
#include "http/api.h"
#include "http/body.h"
#include "http/contract.h"

namespace cadastre::http {
namespace {

Response html(std::string page) {
  return {.status = 200, .content_type = "text/html; charset=utf-8", .body = std::move(page)};
}

bool is_loopback(std::string_view peer) {
  return peer.starts_with("127.") || peer == "::1" || peer.starts_with("::ffff:127.");
}

/// `{"error":"invalid_token","reason":…}`: the form of TOKENS.md section 13, the same for every token that is refused
/// for the same reason. The challenge is that of an ordinary call.
Response invalid(const Refusal& refusal) {
  Response response = problem(refusal, {});
  response.content_type = "application/json";
  response.headers += "Cache-Control: no-store\r\n";
  response.body.clear();
  json::Object(response.body).field("error", "invalid_token").field("reason", refusal.subject).end();
  return response;
}

Response valid(const KnownToken& known) {
  const VerifiedToken& token = known.token;
  Response response{.status = 200, .content_type = "application/json", .headers = "Cache-Control: no-store\r\n"};
  json::Object object(response.body);
  object.field("valid", true).field("scope", token.scope.text_view());
  if (token.tenant)
    object.field("tenant_id", token.tenant->text());
  else
    object.null("tenant_id");
  object.field("subject_pubkey", encode_base64url(token.holder));
  append_time(object.key("expires_at"), known.session ? known.session->expires_at : known.caller.expires_at);
  object.field("token_id", token.id);
  std::string& chain = object.key("chain") += '[';
  for (std::size_t i = 0; i < token.elements; ++i) {
    if (i > 0) chain += ',';
    json::Object(chain)
        .field("rid", encode_base64url(token.rids[i]))
        .field("key", encode_base64url(token.key_thumbprints[i]))
        .end();
  }
  chain += ']';
  object.key("caveats") += token.caveats.empty() ? "[]" : encode_caveats(token.caveats);
  if (known.session) object.field("session_id", encode_base64url(known.session->id));
  object.end();
  return response;
}

Result<std::string> decode_token_body(const Request& request) {
  Body body = TRY(Body::parse(request));
  std::string token = body.text("token");
  TRY(body.finish());
  return token;
}

}  // namespace

Result<Response> verify_presented_token(Api& api, const Request& request, const PathParameters&, unsigned io_thread) {
  const auto token = TRY(decode_token_body(request));
  const auto known =
      api.parts().authenticator.inspect(token, request.peer, api.tokens(io_thread), api.reader(io_thread));
  if (known) return valid(**known);
  if (known.error().code != Code::unauthenticated) return std::unexpected(known.error());
  return invalid(known.error());
}

Result<Response> get_jwks(Api& api, const Request&, const PathParameters&, unsigned) {
  return Response{.status = 200,
                  .content_type = "application/jwk-set+json",
                  .headers = "Cache-Control: public, max-age=300\r\n",
                  .body = api.parts().authenticator.keys().jwks(api.parts().token_algorithm)};
}

Result<Response> get_healthz(Api&, const Request&, const PathParameters&, unsigned) {
  return Response{.status = 200, .content_type = "application/json", .body = R"({"status":"ok"})"};
}

Result<Response> get_readyz(Api& api, const Request&, const PathParameters&, unsigned) {
  std::string facts;
  json::Object object(facts);
  const auto reason = api.parts().append_readiness(object);
  if (reason) {
    return std::unexpected(
        Refusal{.code = Code::unavailable, .subject = "ready", .detail = *reason, .retry_after_s = 1});
  }
  object.field("status", "ready").end();
  return Response{.status = 200, .content_type = "application/json", .body = std::move(facts)};
}

Result<Response> get_metrics(Api& api, const Request& request, const PathParameters&, unsigned io_thread) {
  if (!is_loopback(request.peer)) {
    const Route guarded{
        "GET", "/metrics", "metrics.get", Scope::platform_admin(), Subject::nobody, OpenHandler(get_metrics)};
    const Match match{.route = &guarded, .path = {}, .allow = {}};
    Authenticator& authenticator = api.parts().authenticator;
    auto who = authenticator.authenticate(request, match, api.tokens(io_thread), api.reader(io_thread));
    if (who.waiting) {
      // A page that nobody waits for: it is counted against its address when the platform's rate would have to be
      // asked.
      const auto rate = authenticator.addresses().admit(request.peer, api.parts().services.clock.tick());
      who = authenticator.resume(std::move(who.waiting), rate, request, match, api.reader(io_thread));
    }
    if (who.refusal) return std::unexpected(*who.refusal);
  }
  MetricsPage page;
  api.metrics().append(page);
  api.parts().append_metrics(page);
  return Response{.status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8", .body = page.take()};
}

Result<Response> get_openapi(Api&, const Request&, const PathParameters&, unsigned) {
  return Response{.status = 200,
                  .content_type = "application/json",
                  .headers = "Cache-Control: public, max-age=300\r\n",
                  .shared_body = contract_json()};
}

Result<Response> get_problems(Api&, const Request&, const PathParameters&, unsigned) { return html(problem_index()); }

Result<Response> get_problem(Api&, const Request&, const PathParameters& path, unsigned) {
  auto page = problem_page(path[0]);
  if (page) return html(*std::move(page));
  return refuse(Code::not_found, "problem", "There is no such problem.");
}

}  // namespace cadastre::http

#include "http/oauth.h"

#include "base/json.h"
#include "http/authenticate.h"
#include "http/form.h"
#include "service/revocations.h"
#include "service/session_token.h"
#include "service/sessions.h"

namespace cadastre::http {
namespace {

/// `token`; what kind it is said to be is not looked at, for there is one kind.
Result<std::string> decode_token_form(const Request& request) {
  const Form form = TRY(Form::parse(request));
  TRY(form.only("token token_type_hint"));
  return form.text("token");
}

/// Whether the token acts in the caller's namespace; every one does in the platform's.
bool concerns(const Caller& caller, const VerifiedToken& token) {
  return is_platform(caller) || token.tenant == caller.tenant;
}

/// RFC 7662 section 2.2, RFC 9449 section 6.2, and what TOKENS.md section 4 adds.
void append_active(std::string& out, const VerifiedToken& token, std::string_view issuer) {
  const std::string holder = encode_base64url(token.holder_thumbprint());
  json::Object object(out);
  object.field("active", true)
      .field("scope", token.scope.text_view())
      .field("token_type", token.requires_pop ? "DPoP" : "Bearer")
      .field("iss", issuer)
      .field("aud", token.audience)
      .field("sub", holder)
      .field("jti", token.id)
      .field("iat", token.issued_at_s)
      .field("nbf", token.not_before_s)
      .field("exp", token.expires_at_s);
  if (token.tenant) object.field("tid", token.tenant->text());
  json::Object(object.key("cnf")).field("jkt", holder).end();
  if (!token.caveats.empty()) object.key("cav") += encode_caveats(token.caveats);
  if (!token.device.empty()) object.field("dev", token.device);
  object.field("rid", encode_base64url(token.rid())).end();
}

/// Ends a session whose credential was sent in the place of a token. One that the caller does not see is answered in
/// the same way.
Result<Response> end_session(const Call& call, Tx& tx, const SessionCredential& session) {
  if (is_platform(call.caller) || session.tenant == call.caller.tenant) {
    const auto ended = close_session(tx, call.services, call.caller, session.tenant, encode_base64url(session.id));
    if (!ended && ended.error().code != Code::not_found) return std::unexpected(ended.error());
  }
  return Response{.status = 200};
}

}  // namespace

Result<Response> introspect_token(const Call& call, Reader& reader) {
  const std::string text = TRY(decode_token_form(call.request));
  const auto known = call.authenticator.assess(text, *call.tokens, reader);
  if (!known && known.error().kind == FaultKind::unavailable) {
    return std::unexpected(refusal_of(known.error(), std::nullopt));
  }
  Response response{.status = 200, .content_type = "application/json", .headers = "Cache-Control: no-store\r\n"};
  if (known && concerns(call.caller, (*known)->token)) {
    append_active(response.body, (*known)->token, call.services.deployment.issuer);
  } else {
    response.body = R"({"active":false})";
  }
  return response;
}

Result<Response> revoke_presented_token(const Call& call, Tx& tx) {
  const std::string text = TRY(decode_token_form(call.request));
  if (const auto session = SessionCredential::parse(text)) return end_session(call, tx, *session);
  const auto token = call.authenticator.identify(text);
  if (token && concerns(call.caller, *token)) {
    const TenantId tenant = token->tenant.value_or(TenantId::platform());
    TRY(revoke_chain(tx, call.services, call.caller, tenant, token->rids_upwards()));
  }
  return Response{.status = 200};
}

}  // namespace cadastre::http

#include "http/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"

namespace cadastre::http {
namespace {

/// One kind of problem: everything the wire and its page say of it.
struct Kind {
  Code code;
  int status;
  std::string_view name;  ///< `code`; `type` is its kebab form.
  std::string_view title;
  std::string_view advice;
  bool retryable = false;
};

constexpr Kind kinds[] = {
    {Code::malformed, 400, "MALFORMED_REQUEST", "The request is malformed",
     "Mend the request as `detail` and `errors` say. A member this API does not know is refused, because a misspelt "
     "quota must not be ignored."},
    {Code::invalid_field, 422, "INVALID_FIELD", "A value can never be right",
     "The request is well formed, but a value is outside what the member allows. `errors` names each."},
    {Code::unauthenticated, 401, "UNAUTHENTICATED", "The credential is missing or does not hold",
     "Send `Authorization: Bearer <token>`. `reason` says why a token was refused. An expired administrator token is "
     "replaced on the server with `service-vm-tenant admin-token --name NAME`."},
    {Code::insufficient_scope, 403, "INSUFFICIENT_SCOPE", "The token's scope is too small",
     "Ask an administrator for a token of the scope that `detail` names."},
    {Code::tenant_mismatch, 403, "TENANT_MISMATCH", "The token belongs to another tenant",
     "A token acts for its own tenant alone. The answer is the same whether the named tenant exists or not."},
    {Code::caveat_denied, 403, "CAVEAT_DENIED", "A caveat of the token excludes this request",
     "The token was narrowed when it was issued, and `reason` names the caveat. Use one that allows this call; after "
     "`caveat_denied:rpm` wait as `Retry-After` says, after `caveat_denied:quota` delete VMs made under it."},
    {Code::tenant_suspended, 403, "TENANT_SUSPENDED", "The tenant is suspended",
     "Reads work; changes and token issuance wait until the operator resumes the tenant."},
    {Code::forbidden, 403, "FORBIDDEN", "This is not allowed", "`detail` says why, and what would be."},
    {Code::not_found, 404, "NOT_FOUND", "There is no such resource",
     "Check the id. What belongs to another tenant does not exist for you."},
    {Code::method_not_allowed, 405, "METHOD_NOT_ALLOWED", "The resource has no such method",
     "The `Allow` header lists what it has."},
    {Code::conflict, 409, "CONFLICT", "The resource's state does not allow it",
     "Read the resource again; `detail` says why."},
    {Code::already_exists, 409, "ALREADY_EXISTS", "The name is taken",
     "Choose another. A tenant id is never used twice, not even after deletion."},
    {Code::tenant_not_empty, 409, "TENANT_NOT_EMPTY", "The tenant still holds something",
     "Delete what `detail` names first, then the tenant."},
    {Code::limit_below_usage, 409, "LIMIT_BELOW_USAGE", "A limit would be below what is in use",
     "Free some, or repeat with `?force=true`: the limit is then taken, `over_quota` shows it, and nothing is "
     "evicted."},
    {Code::idempotency_mismatch, 422, "IDEMPOTENCY_MISMATCH", "The Idempotency-Key was used with another body",
     "Use a fresh key for every new request; repeat a key only with the very same body."},
    {Code::idempotency_in_flight, 409, "IDEMPOTENCY_IN_FLIGHT",
     "The first request with this Idempotency-Key is not done", "Repeat it in a moment.", true},
    {Code::precondition_failed, 412, "PRECONDITION_FAILED", "The resource has changed since",
     "Read it again, decide again, and repeat with the new `ETag` in `If-Match`."},
    {Code::request_timeout, 408, "REQUEST_TIMEOUT", "The request came too slowly",
     "A request's head must be complete within 10 s and its body within 30 s.", true},
    {Code::content_too_large, 413, "CONTENT_TOO_LARGE", "The body is too large", "A body may have at most 64 KiB."},
    {Code::unsupported_media_type, 415, "UNSUPPORTED_MEDIA_TYPE", "The body's media type is not supported",
     "Send `Content-Type: application/json`."},
    {Code::quota_exceeded, 429, "QUOTA_EXCEEDED", "A quota would be exceeded",
     "Waiting does not help. `violations` names each limit: free some of it, or ask the operator for more."},
    {Code::rate_limited, 429, "RATE_LIMITED", "Too many requests", "Wait as many seconds as `Retry-After` says.", true},
    {Code::headers_too_large, 431, "HEADERS_TOO_LARGE", "The headers are too large",
     "All header fields together may have at most 16 KiB."},
    {Code::not_implemented, 501, "NOT_IMPLEMENTED", "HTTP knows this, this server does not",
     "Send the body with `Content-Length` or in plain chunks."},
    {Code::http_version_unsupported, 505, "HTTP_VERSION_NOT_SUPPORTED", "The HTTP version is not supported",
     "Use HTTP/1.1."},
    {Code::expires_after_parent, 422, "EXPIRES_AFTER_PARENT", "The token would outlive the one it is issued under",
     "Ask for a shorter life; it is never shortened silently."},
    {Code::overloaded, 503, "OVERLOADED", "Too many changes of this tenant are waiting",
     "Repeat after `Retry-After`. Other tenants are not affected.", true},
    {Code::unavailable, 503, "UNAVAILABLE", "The server cannot answer now", "Repeat after `Retry-After`.", true},
    {Code::internal, 500, "INTERNAL", "The server failed",
     "Nothing of the request was kept. Tell the operator the `request_id`: the log line with it says what happened.",
     true},
};

/// A `Code` without a row does not compile.
constexpr const Kind& kind_of(Code code) {
  for (const Kind& kind : kinds) {
    if (kind.code == code) return kind;
  }
  std::unreachable();
}

constexpr bool every_code_has_a_kind() {
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
    bool found = false;
    for (const Kind& kind : kinds) found = found || kind.code == static_cast<Code>(code);
    if (!found) return false;
  }
  return true;
}
static_assert(every_code_has_a_kind());

/// `QUOTA_EXCEEDED` → `quota-exceeded`.
std::string page_name(const Kind& kind) {
  std::string name(kind.name);
  for (char& c : name) c = c == '_' ? '-' : static_cast<char>(c + ('a' - 'A'));
  return name;
}

void append_violations(std::string& out, const std::vector<Violation>& violations) {
  out += '[';
  for (const auto& violation : violations) {
    if (&violation != violations.data()) out += ',';
    json::Object(out)
        .field("quota", violation.quota)
        .field("limit", violation.limit)
        .field("used", violation.used)
        .field("requested", violation.requested)
        .field("unit", violation.unit)
        .end();
  }
  out += ']';
}

void append_errors(std::string& out, const std::vector<FieldError>& errors) {
  out += '[';
  for (const auto& error : errors) {
    if (&error != errors.data()) out += ',';
    json::Object(out).field("pointer", error.pointer).field("detail", error.detail).end();
  }
  out += ']';
}

/// Reasons may quote a name out of a token; a header takes only what RFC 6750 section 3 allows in a description.
bool is_header_safe(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

bool is_about_proof(const Refusal& refusal) { return refusal.subject.starts_with(proof_mark); }

/// RFC 6750 section 3; a missing credential gets the bare challenge, without an error code (section 3.1).
std::string challenge(const Refusal& refusal) {
  if (refusal.code == Code::insufficient_scope) {
    return "WWW-Authenticate: Bearer error=\"insufficient_scope\"\r\n";
  }
  if (refusal.subject == "missing_credentials") return "WWW-Authenticate: Bearer\r\n";
  const std::string_view reason = reason_of(refusal);
  return fmt::format("WWW-Authenticate: {} error_description=\"{}\"\r\n",
                     is_about_proof(refusal) ? "DPoP error=\"invalid_dpop_proof\"," : "Bearer error=\"invalid_token\",",
                     is_header_safe(reason) ? reason : "unreadable");
}

}  // namespace

int status_of(Code code) { return kind_of(code).status; }
std::string_view name_of(Code code) { return kind_of(code).name; }

std::string_view reason_of(const Refusal& refusal) {
  const std::string_view subject = refusal.subject;
  return is_about_proof(refusal) ? subject.substr(proof_mark.size()) : subject;
}

Response problem(const Refusal& refusal, const ProblemContext& context) {
  const Kind& kind = kind_of(refusal.code);
  const bool is_retryable = kind.retryable || refusal.retry_after_s > 0;
  Response response;
  response.status = kind.status;
  response.content_type = "application/problem+json";
  response.refused = refusal.code;
  json::Object object(response.body);
  object.field("type", "/problems/" + page_name(kind))
      .field("title", kind.title)
      .field("status", std::int64_t{kind.status})
      .field("detail", refusal.detail)
      .field("instance", context.instance)
      .field("code", kind.name)
      .field("request_id", context.request_id);
  object.field_or_null("tenant_id", context.tenant_id);
  object.field("retryable", is_retryable);
  if (refusal.code == Code::unauthenticated && refusal.subject != "missing_credentials")
    object.field("error", is_about_proof(refusal) ? "invalid_dpop_proof" : "invalid_token");
  if (refusal.code == Code::unauthenticated || refusal.code == Code::caveat_denied)
    object.field("reason", reason_of(refusal));
  if (!refusal.violations.empty()) append_violations(object.key("violations"), refusal.violations);
  if (!refusal.errors.empty()) append_errors(object.key("errors"), refusal.errors);
  object.end();
  if (is_retryable)
    response.headers += fmt::format("Retry-After: {}\r\n", std::max<std::int64_t>(1, refusal.retry_after_s));
  if (kind.status == 401 || refusal.code == Code::insufficient_scope) {
    response.headers += challenge(refusal);
  }
  return response;
}

std::optional<std::string> problem_page(std::string_view name) {
  for (const Kind& kind : kinds) {
    if (page_name(kind) != name) continue;
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{0}</title>\n<h1>{0}</h1>\n"
        "<p>Status <b>{1}</b>, code <code>{2}</code>, {3}.</p>\n<p>{4}</p>\n"
        "<p><a href=\"/problems\">All problems</a></p>\n</html>\n",
        kind.title, kind.status, kind.name, kind.retryable ? "a retry can succeed" : "a retry cannot succeed",
        kind.advice);
  }
  return std::nullopt;
}

std::string problem_index() {
  std::string page =
      "<!doctype html>\n<html lang=\"en\">\n<meta "
      "charset=\"utf-8\">\n<title>Problems</title>\n<h1>Problems</h1>\n<ul>\n";
  for (const Kind& kind : kinds) {
    page += fmt::format("<li><a href=\"/problems/{}\">{}</a> {}</li>\n", page_name(kind), kind.name, kind.title);
  }
  return page + "</ul>\n</html>\n";
}

}  // namespace cadastre::http

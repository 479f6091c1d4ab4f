#include "http/browser_session.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "token/proof.h"

namespace cadastre::http {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view white_space = " \t";
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

/// Scheme, host and port of a URL (RFC 6454 section 4); nothing when it has none, as the origin `null`.
std::optional<std::string> origin_of(std::string_view url) {
  const auto normal = normal_url(url);
  if (!normal) return std::nullopt;
  const std::size_t host = normal->find("://") + 3;
  return normal->substr(0, normal->find('/', host));
}

bool has_token_of(const Request& request, const Session& session) {
  const auto fields = request.headers("x-csrf-token");
  return fields.size() == 1 && equal_in_constant_time(sha256(fields.front()), session.csrf_hash);
}

}  // namespace

std::vector<std::string_view> session_cookies(std::span<const std::string_view> fields) {
  std::vector<std::string_view> values;
  for (std::string_view rest : fields) {
    while (!rest.empty()) {
      const std::string_view pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != session_cookie_name) continue;
      values.push_back(trimmed(pair.substr(equals + 1)));
    }
  }
  return values;
}

std::string session_cookie_field(std::string_view credential, std::int64_t max_age_s) {
  return fmt::format("Set-Cookie: {}={}; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age={}\r\n",
                     session_cookie_name, credential, max_age_s);
}

Result<void> check_browser(const Request& request, const Session& session, std::string_view public_url) {
  for (const std::string_view origin : request.headers("origin")) {
    const auto asking = origin_of(origin);
    if (!asking || asking != origin_of(public_url)) {
      return refuse(Code::forbidden, "Origin", "A browser's session is for pages of this server alone.");
    }
  }
  const bool is_safe = request.method() == "GET" || request.method() == "HEAD";
  if (is_safe || has_token_of(request, session)) return {};
  return refuse(Code::forbidden, "X-CSRF-Token",
                "A browser's session changes something only with the X-CSRF-Token that it was opened with.");
}

}  // namespace cadastre::http

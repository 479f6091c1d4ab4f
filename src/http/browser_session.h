// The browser's form of a session: its cookie (RFC 6265), and what a request with it has to say besides.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/session.h"
#include "http/message.h"

namespace cadastre::http {

/// `__Host-`: browsers take it over a safe connection alone, for this host and the whole of it.
constexpr std::string_view session_cookie_name = "__Host-cadastre-session";

/// The values of every session cookie in the `Cookie` fields of a request; other cookies are nobody's affair here. The
/// views live as long as the fields.
std::vector<std::string_view> session_cookies(std::span<const std::string_view> fields);

/// The field that gives the browser its credential for so many seconds; for 0 it forgets the one it has.
std::string session_cookie_field(std::string_view credential, std::int64_t max_age_s);

/// Whether a request that came with a browser session's cookie was meant by that browser's page: an `Origin` must be
/// the public URL's, and whatever is no GET or HEAD carries the session's `X-CSRF-Token`. Refuses with `forbidden`.
Result<void> check_browser(const Request& request, const Session& session, std::string_view public_url);

}  // namespace cadastre::http

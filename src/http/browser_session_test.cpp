// The cookie of a browser's session, and which requests with it are its page's own.
#include "http/browser_session.h"

#include <doctest/doctest.h>

#include "crypto/sha256.h"

namespace cadastre::http {
namespace {

TEST_CASE("the session's cookie is found among others, and two are seen as two") {
  struct Row {
    std::vector<std::string_view> fields;
    std::vector<std::string_view> found;
  };
  const Row rows[] = {
      {{}, {}},
      {{""}, {}},
      {{"a=b; c=d"}, {}},
      {{"__Host-cadastre-session=cs_x"}, {"cs_x"}},
      {{"a=b; __Host-cadastre-session=cs_x; c=d"}, {"cs_x"}},
      {{"a=b;__Host-cadastre-session = cs_x ;"}, {"cs_x"}},
      {{"a=b", "__Host-cadastre-session=cs_x"}, {"cs_x"}},
      {{"__Host-cadastre-session=1; __Host-cadastre-session=2"}, {"1", "2"}},
      {{"__Host-cadastre-session=1", "__Host-cadastre-session=2"}, {"1", "2"}},
      {{"__Host-cadastre-session="}, {""}},
      {{"__Host-cadastre-session=a=b"}, {"a=b"}},
      {{"__Host-cadastre-session"}, {}},
      {{"__host-cadastre-session=cs_x"}, {}},
      {{"x__Host-cadastre-session=cs_x"}, {}},
      {{"cadastre-session=cs_x"}, {}},
      {{";;; ;"}, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.fields.empty() ? "" : row.fields.front());
    CHECK(session_cookies(row.fields) == row.found);
  }
}

TEST_CASE("the cookie is for this host, over a safe connection, out of every script's reach") {
  CHECK(session_cookie_field("cs_x", 600) ==
        "Set-Cookie: __Host-cadastre-session=cs_x; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=600\r\n");
}

/// A request with those fields, as the reader of heads gives it.
Request request_of(std::string_view method, std::string_view fields) {
  const std::string bytes =
      std::string(method) + " /v1/vms HTTP/1.1\r\nHost: c.example\r\n" + std::string(fields) + "\r\n";
  return Request{parse_head(bytes).value(), "", "", false};
}

TEST_CASE("a request with the cookie is let through when it is the page's own") {
  struct Row {
    std::string_view method, fields, refused_by;
  };
  const Row rows[] = {
      {"GET", "", ""},
      {"HEAD", "", ""},
      {"GET", "Origin: https://c.example\r\n", ""},
      {"GET", "Origin: https://C.example:443\r\n", ""},
      {"GET", "Origin: http://c.example\r\n", "Origin"},
      {"GET", "Origin: https://c.example:8443\r\n", "Origin"},
      {"GET", "Origin: https://evil.example\r\n", "Origin"},
      {"GET", "Origin: https://c.example.evil.example\r\n", "Origin"},
      {"GET", "Origin: null\r\n", "Origin"},
      {"GET", "Origin: https://c.example\r\nOrigin: https://evil.example\r\n", "Origin"},
      {"POST", "", "X-CSRF-Token"},
      {"DELETE", "", "X-CSRF-Token"},
      {"PATCH", "X-CSRF-Token: wrong\r\n", "X-CSRF-Token"},
      {"POST", "X-CSRF-Token: \r\n", "X-CSRF-Token"},
      {"POST", "X-CSRF-Token: right\r\n", ""},
      {"POST", "X-CSRF-Token: right\r\nX-CSRF-Token: right\r\n", "X-CSRF-Token"},
      {"POST", "X-CSRF-Token: right\r\nOrigin: https://c.example\r\n", ""},
      {"POST", "X-CSRF-Token: right\r\nOrigin: https://evil.example\r\n", "Origin"},
  };
  const Session session{.tenant = TenantId::platform(), .csrf_hash = sha256("right"), .is_browser = true};
  for (const Row& row : rows) {
    CAPTURE(row.method);
    CAPTURE(row.fields);
    const auto checked = check_browser(request_of(row.method, row.fields), session, "https://c.example/cadastre");
    CHECK((checked ? "" : checked.error().subject) == row.refused_by);
  }
}

}  // namespace
}  // namespace cadastre::http

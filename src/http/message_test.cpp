#include "http/message.h"

#include <doctest/doctest.h>

using namespace cadastre;
using namespace cadastre::http;

namespace {

/// The parameters as `name:value;`, or `<refused>`.
std::string decoded(std::string_view query) {
  const auto parameters = decode_query(query);
  if (!parameters) return "<refused>";
  std::string text;
  for (const auto& [name, value] : *parameters) text += name + ":" + value + ";";
  return text;
}

}  // namespace

TEST_CASE("a query is name=value pairs of UTF-8 text, each name once") {
  struct Row {
    std::string_view query, parameters;
  };
  const Row rows[] = {
      {"", ""},
      {"a=1", "a:1;"},
      {"a=1&b=", "a:1;b:;"},
      {"a=b=c", "a:b=c;"},
      {"a=%41%2f%26%3D", "a:A/&=;"},
      {"since=2026-11-23T20:05:17+02:00", "since:2026-11-23T20:05:17+02:00;"},
      {"n=caf%C3%A9", "n:caf\xc3\xa9;"},
      {"n=%F0%9F%98%80", "n:\xf0\x9f\x98\x80;"},
      {"&", "<refused>"},
      {"a=1&", "<refused>"},
      {"a", "<refused>"},
      {"=1", "<refused>"},
      {"a=1&a=2", "<refused>"},
      {"a=1&%61=2", "<refused>"},
      {"a=%", "<refused>"},
      {"a=%4", "<refused>"},
      {"a=%4g", "<refused>"},
      {"a=%00", "<refused>"},
      {"a=%0a", "<refused>"},
      {"a=%7F", "<refused>"},
      {"a=%80", "<refused>"},
      {"a=%C3", "<refused>"},
      {"a=%C0%AF", "<refused>"},
      {"a=%E0%80%AF", "<refused>"},
      {"a=%ED%A0%80", "<refused>"},
      {"a=%F0%80%80%AF", "<refused>"},
      {"a=%F4%90%80%80", "<refused>"},
      {"a=%F5%80%80%80", "<refused>"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.query);
    CHECK(decoded(row.query) == row.parameters);
  }
}

TEST_CASE("a query of very many parameters is refused") {
  std::string query = "p0=x";
  for (int i = 1; i < 33; ++i) query += "&p" + std::to_string(i) + "=x";
  CHECK(decoded(query) == "<refused>");
}

TEST_CASE("an answer's head says status, length and what becomes of the connection") {
  struct Row {
    Response response;
    Delivery delivery;
    std::string_view bytes;
  };
  const auto shared = std::make_shared<const std::string>("12345");
  const Row rows[] = {
      {{.status = 200, .content_type = "text/plain", .body = "abc"},
       {.date_line = "Date: now\r\n"},
       "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n"},
      {{.status = 201, .headers = "Location: /a\r\nETag: \"1\"\r\n", .shared_body = shared},
       {.keep_alive = false},
       "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nConnection: close\r\nLocation: /a\r\nETag: \"1\"\r\n\r\n"},
      {{.status = 204}, {}, "HTTP/1.1 204 No Content\r\n\r\n"},
      {{.status = 304}, {.http_1_0 = true}, "HTTP/1.1 304 Not Modified\r\nConnection: keep-alive\r\n\r\n"},
      {{.status = 599}, {}, "HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n"},
  };
  for (const auto& row : rows) {
    std::string bytes;
    append_head(bytes, row.response, row.delivery);
    CHECK(bytes == row.bytes);
  }
}

TEST_CASE("the Date field is an IMF-fixdate") {
  CHECK(date_line(instant_from_s(784111777)) == "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  CHECK(date_line(instant_from_ms(999)) == "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
  CHECK(date_line(instant_from_s(1709251199)) == "Date: Thu, 29 Feb 2024 23:59:59 GMT\r\n");
}

#include "http/forwarded.h"

#include <doctest/doctest.h>

using namespace cadastre;
using namespace cadastre::http;

namespace {

/// The address taken for a request from `peer` with these fields, each a whole line.
std::string seen(std::string_view trusted, std::string_view peer, std::string_view fields) {
  auto head = parse_head("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
  REQUIRE(head);
  Request request;
  static_cast<Head&>(request) = *std::move(head);
  request.peer = peer;
  return client_address(request, TrustedProxies::parse(trusted).value());
}

}  // namespace

TEST_CASE("the last address that no trusted proxy has is the client's, and only a trusted proxy is believed") {
  struct Row {
    std::string_view trusted, peer, fields, address;
  };
  const Row rows[] = {
      {"", "127.0.0.1", "X-Forwarded-For: 10.1.2.3\r\n", "127.0.0.1"},
      {"192.0.2.1", "127.0.0.1", "X-Forwarded-For: 10.1.2.3\r\n", "127.0.0.1"},
      {"127.0.0.1", "127.0.0.1", "", "127.0.0.1"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: 10.1.2.3\r\n", "10.1.2.3"},
      {"127.0.0.0/8", "::ffff:127.0.0.1", "x-forwarded-for: 10.1.2.3\r\n", "10.1.2.3"},
      {"::ffff:127.0.0.1", "127.0.0.1", "X-Forwarded-For: 10.1.2.3\r\n", "10.1.2.3"},
      {"::1", "::1", "X-Forwarded-For: 2001:DB8::0:1\r\n", "2001:db8::1"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: ::ffff:10.1.2.3\r\n", "10.1.2.3"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: 127.0.0.1, 10.1.2.3\r\n", "10.1.2.3"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: 1.1.1.1,10.1.2.3 , 127.0.0.1\r\n", "10.1.2.3"},
      {"127.0.0.1,192.0.2.0/24", "127.0.0.1", "X-Forwarded-For: 1.1.1.1, 10.1.2.3, 192.0.2.7\r\n", "10.1.2.3"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: 10.1.2.3\r\nX-Forwarded-For: 10.4.5.6\r\n", "10.4.5.6"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: 10.1.2.3\r\nX-Forwarded-For: 127.0.0.1\r\n", "10.1.2.3"},
      {"127.0.0.0/8", "127.0.0.1", "X-Forwarded-For: 127.0.0.9, 127.0.0.2\r\n", "127.0.0.9"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: 10.1.2.3,,\r\n", "10.1.2.3"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For:\r\n", "127.0.0.1"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: 10.1.2.3, rubbish\r\n", "unknown"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: 10.1.2.3:80\r\n", "unknown"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: 10.1.2.3/32\r\n", "unknown"},
      {"127.0.0.1", "127.0.0.1", "X-Forwarded-For: 010.1.2.3\r\n", "unknown"},
      {"127.0.0.1", "127.0.0.1", "X-Real-IP: 10.1.2.3\r\nForwarded: for=10.1.2.3\r\n", "127.0.0.1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.trusted);
    CAPTURE(row.fields);
    CHECK(seen(row.trusted, row.peer, row.fields) == row.address);
  }
}

TEST_CASE("trusted proxies are networks with commas between") {
  for (const char* good : {"", "127.0.0.1", "10.0.0.0/8,::1", " 10.0.0.0/8 , ::1/128 ", "::/0"}) {
    CAPTURE(good);
    CHECK(TrustedProxies::parse(good));
  }
  for (const char* bad :
       {",", "10.0.0.0/8,", ",::1", "10.0.0.0/8,,::1", "10.0.0.0/33", "localhost", "10.0.0", "*", " "}) {
    CAPTURE(bad);
    CHECK_FALSE(TrustedProxies::parse(bad));
  }
}

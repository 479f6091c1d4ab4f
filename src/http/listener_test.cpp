#include "http/listener.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string_view>

using namespace cadastre::http;

TEST_CASE("a listen address is a numeric address and a port") {
  struct Row {
    std::string text;
    bool taken;
    std::string_view host;
    std::uint16_t port;
  };
  const Row rows[] = {
      {"127.0.0.1:9221", true, "127.0.0.1", 9221},
      {"0.0.0.0:0", true, "0.0.0.0", 0},
      {"[::1]:65535", true, "::1", 65535},
      {"127.0.0.1", false, "", 0},
      {"127.0.0.1:", false, "", 0},
      {"127.0.0.1:65536", false, "", 0},
      {"127.0.0.1:-1", false, "", 0},
      {"127.0.0.1:80x", false, "", 0},
      {"127.0.0.1: 80", false, "", 0},
      {"::1:80", false, "", 0},
      {"[127.0.0.1]:80", false, "", 0},
      {":80", false, "", 0},
      {"here:80", false, "", 0},
      {"", false, "", 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    if (!row.taken) {
      CHECK_THROWS_AS(parse_listen_address(row.text), std::runtime_error);
      continue;
    }
    const ListenAddress address = parse_listen_address(row.text);
    CHECK(address.host == row.host);
    CHECK(address.port == row.port);
  }
}

TEST_CASE("sockets of one server share a port, those of two do not") {
  ListenAddress address = parse_listen_address("127.0.0.1:0");
  const auto first = listen_on(address);
  address.port = port_of(first);
  CHECK_NOTHROW(listen_on(address));
  CHECK_THROWS_AS(expect_free(address), std::runtime_error);
}

TEST_CASE("nothing waits on a new socket") {
  const auto socket = listen_on(parse_listen_address("127.0.0.1:0"));
  const auto arrival = accept_next(socket.number());
  REQUIRE_FALSE(arrival);
  CHECK(arrival.error() == NoArrival::none_waits);
}

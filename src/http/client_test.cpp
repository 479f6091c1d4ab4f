#include "http/client.h"

#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <thread>
#include <vector>

namespace cadastre::http {
namespace {

namespace net = boost::asio;

/// Answers each connection's requests with the given texts, one connection after the other; an empty text closes.
class Scripted {
 public:
  explicit Scripted(std::vector<std::vector<std::string>> connections)
      : acceptor_(io_, {net::ip::address_v4::loopback(), 0}), thread_([this, connections = std::move(connections)] {
          for (const auto& answers : connections) serve(answers);
        }) {}
  ~Scripted() { finish(); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  /// What was received, once all connections were served.
  const std::vector<std::string>& finish() {
    if (thread_.joinable()) thread_.join();
    return requests_;
  }

 private:
  void serve(const std::vector<std::string>& answers) {
    auto socket = acceptor_.accept();
    std::string buffer;
    for (const std::string& answer : answers) {
      const std::size_t end = net::read_until(socket, net::dynamic_buffer(buffer), "\r\n\r\n");
      requests_.push_back(buffer.substr(0, end));
      buffer.erase(0, end);
      if (answer.empty()) return;
      net::write(socket, net::buffer(answer));
    }
  }

  net::io_context io_;
  net::ip::tcp::acceptor acceptor_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

const std::string hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

ServerUrl parsed(std::string_view text) { return ServerUrl::parse(text).value(); }

}  // namespace

TEST_CASE("a server's URL is taken apart") {
  struct Row {
    std::string_view text;
    bool is_tls;
    std::string_view host, port, prefix, authority;
  };
  const Row rows[] = {
      {"http://localhost", false, "localhost", "80", "", "localhost"},
      {"http://localhost:9221/", false, "localhost", "9221", "", "localhost:9221"},
      {"https://cadastre.example", true, "cadastre.example", "443", "", "cadastre.example"},
      {"https://cadastre.example:80/a/b//", true, "cadastre.example", "80", "/a/b", "cadastre.example:80"},
      {"http://[::1]:9221", false, "::1", "9221", "", "[::1]:9221"},
      {"http://[::1]", false, "::1", "80", "", "[::1]"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const ServerUrl url = parsed(row.text);
    CHECK(url.is_tls == row.is_tls);
    CHECK(url.host == row.host);
    CHECK(url.port == row.port);
    CHECK(url.prefix == row.prefix);
    CHECK(url.authority() == row.authority);
  }
  for (const char* text :
       {"", "localhost", "ftp://a", "http://", "http://:80", "http:///x", "http://a:", "http://a:x", "http://a:123456",
        "http://user@a", "http://a?x", "http://a#x", "http://a b", "http://[::1", "http://[]", "http://[::1]x"}) {
    CAPTURE(text);
    CHECK_FALSE(ServerUrl::parse(text));
  }
}

TEST_CASE("requests share a connection, carry the token and the prefix") {
  Scripted server({{hello, "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"}});
  Client client(parsed(server.url() + "/x"), "secret");
  CHECK(client.get("/a").body == "hello");
  const Reply second = client.get("/b?c=d");
  CHECK(second.status == 404);
  CHECK(second.body == "abc");
  const auto& requests = server.finish();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].starts_with("GET /x/a HTTP/1.1\r\n"));
  CHECK(requests[0].find("Authorization: Bearer secret\r\n") != std::string::npos);
  CHECK(requests[0].find("Host: 127.0.0.1:") != std::string::npos);
  CHECK(requests[1].starts_with("GET /x/b?c=d HTTP/1.1\r\n"));
}

TEST_CASE("a change is sent with its body and fields, and the answer's fields are kept") {
  Scripted server({{"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}"}});
  Client client(parsed(server.url()), "secret");
  const Reply reply =
      client.send({.method = "POST", .path = "/v1/vms", .body = "{}", .headers = {{"If-Match", "\"1\""}}});
  CHECK(reply.status == 429);
  CHECK(reply.header("retry-after") == "7");
  CHECK_FALSE(reply.header("etag"));
  const auto& requests = server.finish();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].starts_with("POST /v1/vms HTTP/1.1\r\n"));
  for (const char* field : {"Content-Type: application/json\r\n", "Content-Length: 2\r\n", "If-Match: \"1\"\r\n"}) {
    CHECK(requests[0].find(field) != std::string::npos);
  }
}

TEST_CASE("what may have arrived is sent again only when that does no harm") {
  const ClientRequest plain{.method = "POST", .path = "/"};
  ClientRequest keyed = plain;
  keyed.headers = {{"idempotency-key", "k"}};
  CHECK_FALSE(plain.is_repeatable());
  CHECK(keyed.is_repeatable());
  CHECK(ClientRequest{.method = "POST", .path = "/", .is_idempotent = true}.is_repeatable());
  Scripted server({{hello, ""}, {hello, ""}, {hello}});
  Client client(parsed(server.url()), "");
  client.get("/");
  CHECK_THROWS_AS(client.send(plain), ClientFailure);
  client.get("/");
  CHECK(client.send(keyed).body == "hello");
}

TEST_CASE("authorities that cannot be read are a failure at once") {
  CHECK_THROWS_AS(Client(parsed("https://127.0.0.1:1"), "", "/nowhere.pem"), ClientFailure);
}

TEST_CASE("a connection that the server has closed is opened again, once") {
  Scripted server({{hello, ""}, {hello}, {""}});
  Client client(parsed(server.url()), "");
  CHECK(client.get("/").body == "hello");
  CHECK(client.get("/").body == "hello");
  Client other(parsed(server.url()), "");
  CHECK_THROWS_AS(other.get("/"), ClientFailure);
}

TEST_CASE("what is not HTTP, and nobody there, are failures") {
  Scripted server({{"SMTP ready\r\n\r\n"}});
  Client client(parsed(server.url()), "");
  CHECK_THROWS_AS(client.get("/"), ClientFailure);
  Client nobody(parsed("http://127.0.0.1:1"), "");
  CHECK_THROWS_AS(nobody.get("/"), ClientFailure);
}

TEST_CASE("a call that waits for its answer can be interrupted, and no other begins") {
  net::io_context io;
  net::ip::tcp::acceptor silent(io, {net::ip::address_v4::loopback(), 0});
  Client client(parsed("http://127.0.0.1:" + std::to_string(silent.local_endpoint().port())), "");
  net::ip::tcp::socket socket(io);  // open until the end: nobody answers
  std::thread interrupter([&] {
    silent.accept(socket);
    std::string buffer;
    net::read_until(socket, net::dynamic_buffer(buffer), "\r\n\r\n");
    client.interrupt();
  });
  CHECK_THROWS_AS(client.get("/waits"), ClientFailure);
  interrupter.join();
  CHECK_THROWS_WITH_AS(client.get("/later"), doctest::Contains("interrupted"), ClientFailure);
}

}  // namespace cadastre::http

#include "http/head.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace cadastre;
using namespace cadastre::http;
using namespace std::string_literals;

TEST_CASE("a head gives its parts, and its fields by lower-case name") {
  auto read = parse_head(
      "POST /v1/vms?page_size=2&name=a%20b HTTP/1.1\r\nHost: here:9221\r\nX-Thing:\t one \t\r\n"
      "Authorization: Bearer a\r\nauthorization: Bearer b\r\nX-Empty:\r\nX-Name: caf\xc3\xa9\r\n\r\n");
  REQUIRE(read);
  const Head head = *std::move(read);
  CHECK(head.method() == "POST");
  CHECK(head.target() == "/v1/vms?page_size=2&name=a%20b");
  CHECK(head.path() == "/v1/vms");
  CHECK(head.query() == "page_size=2&name=a%20b");
  CHECK(head.header("host") == "here:9221");
  CHECK(head.header("x-thing") == "one");
  CHECK(head.header("x-empty") == "");
  CHECK(head.header("x-name") == "caf\xc3\xa9");
  CHECK(head.header("authorization") == "Bearer a");
  CHECK(head.count("authorization") == 2);
  CHECK(head.headers("authorization") == std::vector<std::string_view>{"Bearer a", "Bearer b"});
  CHECK(head.headers("cookie").empty());
  CHECK(head.count("cookie") == 0);
  CHECK_FALSE(head.header("cookie"));
}

TEST_CASE("views stay where they are when a head is moved") {
  auto read = parse_head("GET / HTTP/1.0\r\n\r\n");  // among the shortest there are
  REQUIRE(read);
  const std::string_view method = read->method();
  const Head moved = *std::move(read);
  CHECK(method.data() == moved.method().data());
  CHECK(moved.method() == "GET");
  CHECK(moved.query() == "");
}

TEST_CASE("a request line is a token, a plain absolute path and a version we speak") {
  struct Row {
    std::string line;
    bool taken;
    Code code = Code::malformed;
  };
  const Row rows[] = {
      {"GET / HTTP/1.1", true},
      {"GET /v1/tenants/acme-corp HTTP/1.1", true},
      {"GET /a/ HTTP/1.1", true},
      {"GET /.well-known/jwks.json HTTP/1.1", true},
      {"GET /a..b/...c HTTP/1.1", true},
      {"GET /a%20b?x=%2e%2F/? HTTP/1.1", true},
      {"GET /? HTTP/1.1", true},
      {"OPTIONS * HTTP/1.1", true},
      {"PROPFIND / HTTP/1.1", true},
      {"GET  / HTTP/1.1", false},
      {"GET / HTTP/1.1 ", false},
      {" GET / HTTP/1.1", false},
      {"GET /", false},
      {"GET", false},
      {"", false},
      {"GET\t/\tHTTP/1.1", false},
      {"G(T / HTTP/1.1", false},
      {std::string(33, 'A') + " / HTTP/1.1", false},
      {"GET v1/vms HTTP/1.1", false},
      {"GET http://here/ HTTP/1.1", false},
      {"CONNECT here:443 HTTP/1.1", false},
      {"GET * HTTP/1.1", false},
      {"GET // HTTP/1.1", false},
      {"GET //v1/vms HTTP/1.1", false},
      {"GET /v1//vms HTTP/1.1", false},
      {"GET /v1/./vms HTTP/1.1", false},
      {"GET /v1/../vms HTTP/1.1", false},
      {"GET /v1/.. HTTP/1.1", false},
      {"GET /. HTTP/1.1", false},
      {"GET /v1%2fvms HTTP/1.1", false},
      {"GET /v1%2Fvms HTTP/1.1", false},
      {"GET /%2e%2e/vms HTTP/1.1", false},
      {"GET /a%5cb HTTP/1.1", false},
      {"GET /a%00 HTTP/1.1", false},
      {"GET /a%7f HTTP/1.1", false},
      {"GET /a%2 HTTP/1.1", false},
      {"GET /a%zz HTTP/1.1", false},
      {"GET /a\\b HTTP/1.1", false},
      {"GET /a#b HTTP/1.1", false},
      {"GET /a\"b HTTP/1.1", false},
      {"GET /caf\xc3\xa9 HTTP/1.1", false},
      {"GET /?q=\xc3\xa9 HTTP/1.1", false},
      {"GET /?q=% HTTP/1.1", false},
      {"GET /?q=[ HTTP/1.1", false},
      {"GET /a\0b HTTP/1.1"s, false},
      {"GET /a\rb HTTP/1.1", false},
      {"GET / http/1.1", false},
      {"GET / HTTP/1.10", false},
      {"GET / HTTP/11", false},
      {"GET / HTTP/1.2", false, Code::http_version_unsupported},
      {"GET / HTTP/0.9", false, Code::http_version_unsupported},
      {"PRI * HTTP/2.0", false, Code::http_version_unsupported},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    const auto head = parse_head(row.line + "\r\nHost: here\r\n\r\n");
    CHECK(head.has_value() == row.taken);
    if (!head) CHECK(head.error().code == row.code);
  }
}

TEST_CASE("fields that two readers could take differently are refused") {
  struct Row {
    std::string name, fields;
    bool taken;
    Code code = Code::malformed;
  };
  const std::string host = "Host: here\r\n";
  const Row rows[] = {
      {"the least", host, true},
      {"no Host", "", false},
      {"two Hosts", host + host, false},
      {"two Hosts, other case", host + "HOST: here\r\n", false},
      {"an empty Host", "Host:\r\n", false},
      {"a listed Host", "Host: a, b\r\n", false},
      {"a Host with a path", "Host: a/b\r\n", false},
      {"a Host with user information", "Host: a@b\r\n", false},
      {"a port alone", "Host: :80\r\n", false},
      {"a port that is none", "Host: a:b\r\n", false},
      {"IPv6", "Host: [::1]:80\r\n", true},
      {"IPv6 without a port", "Host: [::1]\r\n", true},
      {"IPv6 left open", "Host: [::1\r\n", false},
      {"IPv6 and a tail", "Host: [::1]x\r\n", false},
      {"a length", host + "Content-Length: 12\r\n", true},
      {"two equal lengths", host + "Content-Length: 1\r\nContent-Length: 1\r\n", false},
      {"two other lengths", host + "Content-Length: 1\r\nContent-length: 2\r\n", false},
      {"listed lengths", host + "Content-Length: 1, 1\r\n", false},
      {"a plus sign", host + "Content-Length: +1\r\n", false},
      {"a minus sign", host + "Content-Length: -1\r\n", false},
      {"hexadecimal", host + "Content-Length: 0x1\r\n", false},
      {"an empty length", host + "Content-Length: \r\n", false},
      {"a space in a length", host + "Content-Length: 1 2\r\n", false},
      {"both lengths", host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", false},
      {"chunked", host + "Transfer-Encoding: chunked\r\n", true},
      {"chunked, other case", host + "Transfer-Encoding: Chunked\r\n", true},
      {"chunked twice", host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", false},
      {"gzip", host + "Transfer-Encoding: gzip\r\n", false, Code::not_implemented},
      {"gzip, chunked", host + "Transfer-Encoding: gzip, chunked\r\n", false, Code::not_implemented},
      {"identity", host + "Transfer-Encoding: identity\r\n", false, Code::not_implemented},
      {"chunked with a tail", host + "Transfer-Encoding: chunked;a\r\n", false, Code::not_implemented},
      {"vertical tab before chunked", host + "Transfer-Encoding: \x0b" + "chunked\r\n", false},
      {"a folded line", host + "X: a\r\n b\r\n", false},
      {"a folded line of tabs", host + "X: a\r\n\tb\r\n", false},
      {"a first line folded", " X: a\r\n" + host, false},
      {"a space before the colon", host + "X : a\r\n", false},
      {"no colon", host + "X\r\n", false},
      {"no name", host + ": a\r\n", false},
      {"a name that is no token", host + "X(Y): a\r\n", false},
      {"a non-ASCII name", host + "X\xc3\xa9: a\r\n", false},
      {"NUL in a value", host + "X: a\0b\r\n"s, false},
      {"a control character in a value", host + "X: a\x01\r\n", false},
      {"DEL in a value", host + "X: a\x7f\r\n", false},
      {"a bare CR in a value", host + "X: a\rb\r\n", false},
      {"a bare LF", host + "X: a\n", false},
      {"a bare LF after Host", "Host: here\n", false},
      {"a tab within a value", host + "X: a\tb\r\n", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const auto head = parse_head("GET / HTTP/1.1\r\n" + row.fields + "\r\n");
    CHECK(head.has_value() == row.taken);
    if (!head) CHECK(head.error().code == row.code);
  }
}

TEST_CASE("a head ends with one empty line") {
  for (const std::string bytes : {"", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n",
                                  "GET / HTTP/1.1\r\nHost: a\r\n\r\nx", "GET / HTTP/1.1\nHost: a\n\n"}) {
    CAPTURE(bytes);
    CHECK_FALSE(parse_head(bytes));
  }
}

TEST_CASE("a hundred fields are read, one more is refused") {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 1; i < 100; ++i) bytes += "X: y\r\n";
  CHECK(parse_head(bytes + "\r\n"));
  const auto more = parse_head(bytes + "X: y\r\n\r\n");
  REQUIRE_FALSE(more);
  CHECK(more.error().code == Code::headers_too_large);
}

TEST_CASE("framing follows version, length, coding, Connection and Expect") {
  struct Row {
    std::string version, fields;
    bool keep_alive, expects_continue, chunked;
    std::uint64_t content_length;
  };
  const Row rows[] = {
      {"1.1", "Host: a\r\n", true, false, false, 0},
      {"1.1", "Host: a\r\nConnection: close\r\n", false, false, false, 0},
      {"1.1", "Host: a\r\nConnection: foo, Close\r\n", false, false, false, 0},
      {"1.1", "Host: a\r\nConnection: foo\r\nConnection: close\r\n", false, false, false, 0},
      {"1.1", "Host: a\r\nConnection: closed\r\n", true, false, false, 0},
      {"1.1", "Host: a\r\nExpect: 100-Continue\r\nContent-Length: 00042\r\n", true, true, false, 42},
      {"1.1", "Host: a\r\nTransfer-Encoding: chunked\r\n", true, false, true, 0},
      {"1.1", "Host: a\r\nContent-Length: 0\r\n", true, false, false, 0},
      {"1.1", "Host: a\r\nContent-Length: 999999999999999999\r\n", true, false, false, 999'999'999'999'999'999},
      {"1.1", "Host: a\r\nContent-Length: 99999999999999999999999\r\n", true, false, false, ~std::uint64_t{0}},
      {"1.0", "", false, false, false, 0},
      {"1.0", "Connection: keep-alive\r\n", true, false, false, 0},
      {"1.0", "Connection: keep-alive, close\r\n", false, false, false, 0},
      {"1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n", false, false, false, 1},
  };
  for (const auto& row : rows) {
    CAPTURE(row.version);
    CAPTURE(row.fields);
    const auto head = parse_head("GET / HTTP/" + row.version + "\r\n" + row.fields + "\r\n");
    REQUIRE(head);
    CHECK(head->framing().http_1_0 == (row.version == "1.0"));
    CHECK(head->framing().keep_alive == row.keep_alive);
    CHECK(head->framing().expects_continue == row.expects_continue);
    CHECK(head->framing().chunked == row.chunked);
    CHECK(head->framing().content_length == row.content_length);
  }
  CHECK_FALSE(parse_head("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"));
  CHECK_FALSE(parse_head("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"));
}

TEST_CASE("a head's end is found wherever the bytes before it were cut") {
  for (const std::string head : {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "a\n\r\n"}) {
    const std::string bytes = head + "GET";
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      CAPTURE(cut);
      const auto early = find_head_end(bytes.substr(0, cut), 0);
      CHECK(early == (cut >= head.size() ? std::optional(head.size()) : std::nullopt));
      if (!early) CHECK(find_head_end(bytes, cut) == head.size());
    }
  }
}

#include "http/exchange.h"

#include <doctest/doctest.h>

#include <cstring>

#include "http/test_handler.h"

using namespace cadastre;
using namespace cadastre::http;
using Next = Exchange::Next;

namespace {

/// A conversation whose other side is the test.
struct Conversation {
  TestHandler handler;
  Limits limits;
  Counters counters;
  ExchangeContext context{
      .limits = limits, .handler = handler, .counters = counters, .mailbox = std::make_shared<Mailbox>([] {})};
  Exchange exchange{context, "127.0.0.1", 0};
  int sends = 0;

  Conversation() { context.mailbox->own(); }

  void receive(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::span<char> room = exchange.input().room();
      const std::size_t here = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), here);
      exchange.input().received(here);
      bytes.remove_prefix(here);
    }
  }
  /// What is said until something has to come from outside, which `next` then names.
  std::string advance(Next& next) {
    std::string said;
    do {
      next = exchange.advance();
      if (!exchange.has_output()) continue;
      ++sends;
      const auto [head, tail] = exchange.output();
      said.append(head).append(tail);
      exchange.sent(head.size() + tail.size());
    } while (next == Next::send);
    return said;
  }
  std::string say(std::string_view bytes, Next& next) {
    receive(bytes);
    return advance(next);
  }
  std::string say(std::string_view bytes) {
    Next ignored{};
    return say(bytes, ignored);
  }
};

std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("a request is the same wherever its bytes were cut") {
  const std::string requests =
      "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
      "\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
      "GET /d HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string answers = ok("GET /a ") + ok("POST /b hello") + ok("POST /c abcd") + ok("GET /d ");
  CHECK(Conversation().say(requests) == answers);
  for (std::size_t cut = 1; cut < requests.size(); ++cut) {
    CAPTURE(cut);
    Conversation conversation;
    std::string said = conversation.say(requests.substr(0, cut));
    said += conversation.say(requests.substr(cut));
    CHECK(said == answers);
  }
  Conversation conversation;
  std::string said;
  for (const char c : requests) said += conversation.say({&c, 1});
  CHECK(said == answers);
}

TEST_CASE("answers that come at once to pipelined requests are sent together") {
  Conversation conversation;
  std::string requests, answers;
  for (int i = 0; i < 100; ++i) {
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    answers += ok("GET /" + std::to_string(i) + " ");
  }
  Next next{};
  CHECK(conversation.say(requests, next) == answers);
  CHECK(next == Next::receive_first);
  CHECK(conversation.sends == 1);
}

TEST_CASE("a full output is sent before the next request is looked at") {
  Conversation conversation;
  const std::string body(20'000, 'x');
  const std::string request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n" + body;
  CHECK(conversation.say(repeated(request, 8)) == repeated(ok("POST / " + body), 8));
  CHECK(conversation.sends == 8);
}

TEST_CASE("requests behind one that is answered later wait for it") {
  Conversation conversation;
  Next next{};
  const std::string requests =
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n";
  CHECK(conversation.say(requests, next) == ok("GET /1 "));
  CHECK(next == Next::answer);
  CHECK(conversation.advance(next) == "");
  CHECK(next == Next::answer);
  std::vector<Mailbox::Letter> letters;
  conversation.handler.answer_held(1);
  conversation.context.mailbox->take(letters);
  REQUIRE(letters.size() == 1);
  CHECK(conversation.exchange.awaits(letters[0].ticket));
  CHECK_FALSE(conversation.exchange.awaits({0, 1}));
  conversation.exchange.deliver(letters[0]);
  CHECK_FALSE(conversation.exchange.awaits(letters[0].ticket));
  CHECK(conversation.advance(next) == ok("GET /later ") + ok("GET /3 "));
  CHECK(next == Next::receive_first);
}

TEST_CASE("HEAD is answered as GET would be, without the body") {
  Conversation conversation;
  const std::string full = ok("HEAD /a ");
  CHECK(conversation.say("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n") == full.substr(0, full.find("HEAD")));
}

TEST_CASE("100 Continue is said once, and only to who waits for it") {
  Next next{};
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  Conversation waits;
  CHECK(waits.say(head, next) == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(next == Next::receive_body);
  CHECK(waits.say("a") == "");
  CHECK(waits.say("b") == ok("POST / ab"));
  CHECK(Conversation().say(head + "ab") == ok("POST / ab"));
  const std::string large = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n";
  CHECK(Conversation().say(large).starts_with("HTTP/1.1 413"));
}

TEST_CASE("the connection goes on as version, request and answer say") {
  struct Row {
    std::string request;
    bool open;
    std::string_view field;
  };
  const Row rows[] = {
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true, ""},
      {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false, "Connection: close\r\n"},
      {"GET / HTTP/1.0\r\n\r\n", false, "Connection: close\r\n"},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, "Connection: keep-alive\r\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.request);
    Conversation conversation;
    Next next{};
    const std::string said = conversation.say(row.request + "GET /ignored?", next);
    CHECK(next == (row.open ? Next::receive_head : Next::close));
    CHECK((said.find("Connection:") != std::string::npos) == !row.field.empty());
    CHECK(said.find(row.field) != std::string::npos);
  }
  Conversation stopping;
  stopping.context.stopping = true;
  CHECK(stopping.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n").find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("what the engine refuses is counted, answered by the handler, and ends the connection") {
  struct Row {
    std::string bytes, answer;
    Code code;
  };
  const std::string host = "Host: h\r\n";
  const Row rows[] = {
      {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", Code::malformed},
      {"GET / HTTP/1.1\nHost: h\n\n", "400 Bad Request", Code::malformed},
      {"\r\n\r\n\r\n\r\n", "400 Bad Request", Code::malformed},
      {"\x16\x03\x01\n\n", "400 Bad Request", Code::malformed},
      {"GET / HTTP/3.0\r\n" + host + "\r\n", "505 HTTP", Code::http_version_unsupported},
      {"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: br\r\n\r\n", "501 Not", Code::not_implemented},
      {"GET / HTTP/1.1\r\n" + host + "X: " + std::string(16'384, 'x') + "\r\n\r\n", "431 ", Code::headers_too_large},
      {"GET / HTTP/1.1\r\n" + host + "X: " + std::string(16'384, 'x'), "431 ", Code::headers_too_large},
      {"POST /p HTTP/1.1\r\n" + host + "Content-Length: 65537\r\n\r\n", "413 ", Code::content_too_large},
      {"POST /p HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n10001\r\n", "413 ", Code::content_too_large},
      {"POST /p HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nz", "400 ", Code::malformed},
  };
  for (const auto& row : rows) {
    CAPTURE(row.bytes);
    Conversation conversation;
    Next next{};
    const std::string said = conversation.say(row.bytes, next);
    CHECK(said.starts_with("HTTP/1.1 " + row.answer));
    CHECK(said.find("Connection: close\r\n") != std::string::npos);
    CHECK(next == Next::close);
    CHECK(conversation.counters.refused_for(row.code) == 1);
    const bool knows_head = row.bytes.starts_with("POST /p");
    CHECK(said.find(knows_head ? "\r\n\r\n/p " : "\r\n\r\n- ") != std::string::npos);
  }
}

TEST_CASE("a head and a body of exactly the most that is allowed are taken") {
  const std::string body(65'536, 'b');
  CHECK(Conversation().say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\n" + body) ==
        ok("POST / " + body));
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  head += std::string(16'384 - head.size() - 4, 'x') + "\r\n\r\n";
  CHECK(Conversation().say(head) == ok("GET / "));
}

TEST_CASE("a request let go, or a handler that fails, is answered with an internal error") {
  for (const std::string path : {"/drop", "/throw"}) {
    CAPTURE(path);
    Conversation conversation;
    Next next{};
    const std::string said = conversation.say("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n", next);
    CHECK(said.starts_with("HTTP/1.1 500 Internal"));
    CHECK(next == Next::receive_first);
    CHECK(conversation.counters.failures == (path == "/throw" ? 1 : 0));
  }
}

TEST_CASE("a long body is sent as it lies, and in as many parts as the socket wants") {
  Conversation conversation;
  conversation.receive("GET /large HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(conversation.exchange.advance() == Next::send);
  std::string said;
  while (conversation.exchange.has_output()) {
    const auto [head, tail] = conversation.exchange.output();
    const std::string all = std::string(head) + std::string(tail);
    const std::string part = all.substr(0, 999'983);
    said += part;
    conversation.exchange.sent(part.size());
  }
  const std::string body(4'000'000, 'x');
  CHECK(said == "HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + body);
  Next next{};
  CHECK(conversation.advance(next) == ok("GET /next "));
}

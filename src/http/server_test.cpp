#include "http/server.h"

#include <sys/resource.h>

#include <doctest/doctest.h>

#include <future>
#include <thread>

#include "http/test_handler.h"
#include "http/test_socket.h"

using namespace cadastre;
using namespace cadastre::http;
using namespace std::chrono_literals;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string get_later = "GET /later HTTP/1.1\r\nHost: h\r\n\r\n";

/// A server on a free port with a handler that echoes.
struct TestServer {
  explicit TestServer(const Limits& limits = {}, unsigned threads = 2) {
    server.emplace(Server::Settings{.listen = {"127.0.0.1:0"}, .threads = threads, .limits = limits}, handler, clock);
  }
  std::uint16_t port() const { return server->ports().front(); }
  TestServer& started() {
    server->start();
    return *this;
  }

  TestHandler handler;
  SystemClock clock;
  std::optional<Server> server;
};

/// Waits for a condition that another thread makes true; false after 20 s.
template <class Condition>
bool eventually(Condition condition) {
  const SystemClock clock;
  const Tick end = clock.tick() + 20s;
  while (!condition()) {
    if (clock.tick() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

}  // namespace

TEST_CASE("a hundred pipelined requests are answered in order") {
  TestServer test;
  test.started();
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += "GET /n" + std::to_string(i) + "e HTTP/1.1\r\nHost: h\r\n\r\n";
  TestSocket client(test.port());
  client.send(requests);
  const std::string said = client.receive_until("/n99e ");
  CHECK(count(said, "HTTP/1.1 200 OK\r\nDate: ") == 100);
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = said.find("/n" + std::to_string(i) + "e ", at);
    REQUIRE(at != said.npos);
  }
}

TEST_CASE("a client that has ended its own side is still answered") {
  TestServer test;
  test.started();
  TestSocket client(test.port());
  client.send(get);
  client.end_sending();
  CHECK(client.receive_all().ends_with("GET / "));
}

TEST_CASE("a sender too slow is told so, an idle connection is closed without a word") {
  const Limits limits{.idle = 50ms, .head = 50ms, .body = 50ms, .sweep = 10ms};
  struct Row {
    std::string bytes, answer;
  };
  const Row rows[] = {
      {"", ""},
      {"GET / HT", "HTTP/1.1 408 Request Timeout\r\n"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", "HTTP/1.1 408 Request Timeout\r\n"},
      {get + "GET", "HTTP/1.1 200 OK\r\n"},
  };
  TestServer test(limits);
  test.started();
  for (const auto& row : rows) {
    CAPTURE(row.bytes);
    TestSocket client(test.port());
    client.send(row.bytes);
    const std::string said = client.receive_all();
    CHECK(said.starts_with(row.answer));
    CHECK(said.empty() == row.answer.empty());
    if (row.bytes.ends_with("GET")) CHECK(count(said, "408 Request Timeout") == 1);
  }
  CHECK(test.server->counters().timeouts >= 4);
  CHECK(test.server->counters().refused_for(Code::request_timeout) == 3);
}

TEST_CASE("a request that breaks off is refused, a connection that ends between requests is not") {
  struct Row {
    std::string bytes, answer;
  };
  const Row rows[] = {
      {"", ""},
      {"\r\n", ""},
      {"GET / HT", "HTTP/1.1 400 Bad Request\r\n"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", "HTTP/1.1 400 Bad Request\r\n"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "HTTP/1.1 400 Bad Request\r\n"},
  };
  TestServer test;
  test.started();
  for (const auto& row : rows) {
    CAPTURE(row.bytes);
    TestSocket client(test.port());
    client.send(row.bytes);
    client.end_sending();
    const std::string said = client.receive_all();
    CHECK(said.starts_with(row.answer));
    CHECK(said.empty() == row.answer.empty());
  }
}

TEST_CASE("a head that comes drop by drop runs out of time") {
  TestServer test({.head = 100ms, .sweep = 10ms});
  test.started();
  TestSocket client(test.port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
  while (!client.answered_within(5ms)) client.send("x");
  CHECK(client.receive_all().starts_with("HTTP/1.1 408 "));
}

TEST_CASE("a body of 10 MB is refused, and the refusal arrives") {
  TestServer test;
  test.started();
  const std::string body = std::string(5'000'000, 'x') + std::string(5'000'000, 'y');
  for (const std::string framing :
       {"Content-Length: 10000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n989680\r\n"}) {
    CAPTURE(framing);
    TestSocket client(test.port());
    client.send("POST / HTTP/1.1\r\nHost: h\r\n" + framing + body);
    client.end_sending();
    CHECK(client.receive_all().starts_with("HTTP/1.1 413 "));
  }
}

TEST_CASE("answers given by another thread reach their own connections") {
  TestServer test;
  test.started();
  std::vector<std::unique_ptr<TestSocket>> clients;
  for (int i = 0; i < 32; ++i) {
    clients.push_back(std::make_unique<TestSocket>(test.port()));
    clients.back()->send("GET /later?" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n" + get);
  }
  test.handler.answer_held(32);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::string said = clients[i]->receive_until("GET / ");
    CHECK(count(said, "GET /later?" + std::to_string(i) + " HTTP") == 1);
    CHECK(count(said, "HTTP/1.1 200 OK") == 2);
  }
}

TEST_CASE("an answer to a client that is gone is dropped") {
  TestServer test({.linger = 10ms, .sweep = 10ms});
  test.started();
  {
    TestSocket client(test.port());
    client.send(get_later);
    CHECK(eventually([&] { return test.handler.holds(1); }));
  }
  test.handler.answer_held(1);
  CHECK(eventually([&] { return test.server->counters().connections_open == 0; }));
}

TEST_CASE("stopping answers what has begun, closes what is idle, and accepts nothing more") {
  TestServer test({}, 1);  // so that what closes the idle connection has also reached the other
  test.started();
  TestSocket idle(test.port());
  idle.send(get);
  CHECK(idle.receive_until("GET / ").ends_with("GET / "));
  std::optional<TestSocket> waiting(test.port());
  waiting->send(get_later + get);
  CHECK(eventually([&] { return test.handler.holds(1); }));
  auto stopped = std::async(std::launch::async, [&] { return test.server->stop(20s); });
  CHECK(idle.receive_all() == "");
  test.handler.answer_held(1);
  const std::string said = waiting->receive_all();
  waiting.reset();
  CHECK(count(said, "Connection: close\r\n") == 1);
  CHECK(count(said, "HTTP/1.1 200 OK") == 1);
  CHECK(stopped.get());
  CHECK_THROWS(TestSocket(test.port()));
}

TEST_CASE("stopping cuts off what is not answered in time, and a later answer harms nobody") {
  TestServer test;
  test.started();
  TestSocket client(test.port());
  client.send(get_later);
  TestSocket unread(test.port(), 4096);
  unread.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(unread.receive().starts_with("HTTP/1.1 200 OK"));
  CHECK(eventually([&] { return test.handler.holds(1); }));
  CHECK_FALSE(test.server->stop(0s));
  CHECK(client.receive_all() == "");
  test.server.reset();
  test.handler.answer_held(1);
}

TEST_CASE("connections above a cap are told to come back") {
  TestServer test({.connections_per_address_max = 2});
  test.started();
  {
    TestSocket first(test.port()), second(test.port());
    first.send(get);
    second.send(get);
    CHECK(first.receive_until("GET / ").starts_with("HTTP/1.1 200"));
    CHECK(second.receive_until("GET / ").starts_with("HTTP/1.1 200"));
    TestSocket third(test.port());
    const std::string said = third.receive_all();
    CHECK(said.starts_with("HTTP/1.1 503 "));
    CHECK(count(said, "Connection: close\r\n") == 1);
    CHECK(test.server->counters().connections_refused == 1);
  }
  CHECK(eventually([&] { return test.server->counters().connections_open == 0; }));
  TestSocket again(test.port());
  again.send(get);
  CHECK(again.receive_until("GET / ").starts_with("HTTP/1.1 200"));
}

TEST_CASE("a long answer reaches a slow reader whole, and one that never reads is cut off") {
  TestServer test({.write = 500ms, .sweep = 10ms});
  test.started();
  TestSocket reader(test.port(), 65'536);
  reader.send("GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(count(reader.receive_all(), "x") == 4'000'000);
  TestSocket stubborn(test.port(), 4096);
  stubborn.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\nGET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(stubborn.receive().starts_with("HTTP/1.1 200"));
  CHECK(eventually([&] { return test.server->counters().timeouts == 1; }));
  CHECK(eventually([&] { return test.server->counters().connections_open == 0; }));
}

TEST_CASE("without file descriptors the server waits, and goes on when there are some") {
  TestServer test({.sweep = 10ms});
  test.started();
  std::optional<TestSocket> client(test.port());  // accepted while there are descriptors
  client->send(get);
  CHECK(client->receive_until("GET / ").ends_with("GET / "));
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const Descriptor ours(::socket(AF_INET, SOCK_STREAM, 0));
  const Descriptor lowest_free(::dup(ours.number()));
  const rlimit none{.rlim_cur = static_cast<rlim_t>(lowest_free.number()), .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(test.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::connect(ours.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(eventually([&] { return test.server->counters().accept_failures > 1; }));
  client->send(get);  // those who are in are served
  CHECK(client->receive_until("GET / ").ends_with("GET / "));
  ::setrlimit(RLIMIT_NOFILE, &before);
  ::send(ours.number(), get.data(), get.size(), MSG_NOSIGNAL);
  char first[8] = "";
  CHECK(::recv(ours.number(), first, sizeof first, MSG_WAITALL) == 8);
  CHECK(std::string_view(first, 8) == "HTTP/1.1");
}

TEST_CASE("two servers do not share a port, and a wrong address is named") {
  TestServer test;
  const std::string taken = "127.0.0.1:" + std::to_string(test.port());
  TestHandler handler;
  const SystemClock clock;
  CHECK_THROWS_WITH_AS(Server({.listen = {"nowhere"}}, handler, clock), doctest::Contains("nowhere"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(Server({.listen = {taken}}, handler, clock),
                       doctest::Contains(std::to_string(test.port()).c_str()), std::runtime_error);
}

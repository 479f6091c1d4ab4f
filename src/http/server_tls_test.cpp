#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "http/server.h"
#include "http/test_certificate.h"
#include "http/test_handler.h"
#include "http/test_socket.h"

using namespace cadastre;
using namespace cadastre::http;
using namespace std::chrono_literals;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// The files of a server whose certificate one authority signed, and another authority's, for administrators.
struct Files {
  Files() { write(server); }
  void write(const TestCertificate& certificate) const {
    certificate.write_certificate(folder.file("server.crt"));
    certificate.write_key(folder.file("server.key"));
    administrators.write_certificate(folder.file("administrators.crt"));
  }
  TlsFiles names() const { return {folder.file("server.crt"), folder.file("server.key"), ""}; }
  TlsFiles names_with_authorities() const {
    return {folder.file("server.crt"), folder.file("server.key"), folder.file("administrators.crt")};
  }

  TestFolder folder;
  TestCertificate authority{"authority"};
  TestCertificate administrators{"administrators"};
  TestCertificate server{"server", &authority};
};

struct TlsServer {
  explicit TlsServer(const TlsFiles& files, const Limits& limits = {}) : identity(files) {
    server.emplace(Server::Settings{.listen = {"127.0.0.1:0"}, .threads = 2, .limits = limits, .tls = &identity},
                   handler, clock);
    server->start();
  }
  std::uint16_t port() const { return server->ports().front(); }

  TestHandler handler;
  SystemClock clock;
  TlsIdentity identity;
  std::optional<Server> server;
};

/// How a client greets.
struct Greeting {
  int version_max = TLS1_3_VERSION;
  std::string alpn = {};  ///< As on the wire.
  const TestCertificate* certificate = nullptr;
};

/// A blocking client that trusts whatever it is shown.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, const Greeting& greeting = {})
      : socket_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_.get(), greeting.version_max);
    if (greeting.certificate != nullptr) {
      SSL_CTX_use_certificate(context_.get(), greeting.certificate->certificate());
      SSL_CTX_use_PrivateKey(context_.get(), greeting.certificate->key());
    }
    ssl_.reset(SSL_new(context_.get()));
    const auto* const protocols = reinterpret_cast<const unsigned char*>(greeting.alpn.data());
    if (!greeting.alpn.empty()) SSL_set_alpn_protos(ssl_.get(), protocols, static_cast<unsigned>(greeting.alpn.size()));
    SSL_set_fd(ssl_.get(), socket_.number());
    is_connected_ = SSL_connect(ssl_.get()) == 1;
  }
  bool is_connected() const { return is_connected_; }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned bytes = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &bytes);
    return bytes == 0 ? "" : std::string(reinterpret_cast<const char*>(name), bytes);
  }
  std::string subject() const {
    char name[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(ssl_.get())), NID_commonName, name,
                              sizeof name);
    return name;
  }

  void send(std::string_view bytes) { SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())); }
  std::string receive() {
    std::string bytes(65'536, '\0');
    const int received = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(received > 0 ? static_cast<std::size_t>(received) : 0);
    return bytes;
  }
  std::string receive_until(std::string_view last) {
    std::string all;
    while (!all.ends_with(last)) {
      const std::string more = receive();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }
  /// Whether the server has said properly that nothing more comes; after `receive` answered nothing.
  bool saw_end() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  void ask_for_new_keys() { SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED); }

 private:
  TestSocket socket_;
  std::unique_ptr<SSL_CTX, SslFree> context_;
  SslHandle ssl_;
  bool is_connected_ = false;
};

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

}  // namespace

TEST_CASE("only TLS 1.3 with http/1.1, or no word of a protocol, is spoken") {
  struct Row {
    int version_max;
    std::string alpn;
    bool connects;
    std::string_view protocol;
  };
  const Row rows[] = {
      {TLS1_3_VERSION, "", true, ""},
      {TLS1_3_VERSION, "\x08http/1.1", true, "http/1.1"},
      {TLS1_3_VERSION, "\x02h2\x08http/1.1", true, "http/1.1"},
      {TLS1_3_VERSION, "\x02h2", false, ""},
      {TLS1_2_VERSION, "", false, ""},
  };
  const Files files;
  TlsServer test(files.names());
  for (const Row& row : rows) {
    CAPTURE(row.version_max);
    CAPTURE(row.alpn);
    TlsClient client(test.port(), {.version_max = row.version_max, .alpn = row.alpn});
    CHECK(client.is_connected() == row.connects);
    if (!row.connects) continue;
    CHECK(client.protocol() == row.protocol);
    client.send(get);
    CHECK(client.receive_until("GET / ").starts_with("HTTP/1.1 200 OK\r\n"));
  }
  CHECK(eventually([&] { return test.server->counters().handshake_failures == 2; }));
}

TEST_CASE("requests in TLS are answered whole, in their order, across new keys, and the end is said") {
  const Files files;
  TlsServer test(files.names());
  TlsClient client(test.port());
  REQUIRE(client.is_connected());
  client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n" + get);
  const std::string said = client.receive_until("GET / ");
  CHECK(std::ranges::count(said, 'x') >= 4'000'000);
  client.ask_for_new_keys();
  const std::string body(60'000, 'b');
  client.send("POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n" + body);
  CHECK(client.receive_until(body).ends_with("POST /p " + body));
  CHECK(client.receive() == "");
  CHECK(client.saw_end());
}

TEST_CASE("what does not shake hands in time, or at all, is cut off") {
  const Files files;
  TlsServer test(files.names(), {.handshake = 100ms, .linger = 100ms, .sweep = 10ms});
  TestSocket silent(test.port());
  CHECK(silent.receive_all() == "");
  CHECK(test.server->counters().timeouts == 1);
  TestSocket dripping(test.port());
  dripping.send("\x16\x03\x01\x02");
  while (!dripping.answered_within(5ms)) dripping.send("\x01");
  CHECK(eventually([&] { return test.server->counters().connections_open == 0; }));
  TestSocket plain(test.port());
  plain.send(get);
  CHECK(plain.receive_all().find("HTTP/1.1") == std::string::npos);
  CHECK(eventually([&] { return test.server->counters().connections_open == 0; }));
  CHECK(test.server->counters().refused_for(Code::request_timeout) == 0);
}

TEST_CASE("an idle connection in TLS ends in its time, whatever comes that is no request") {
  const Files files;
  TlsServer test(files.names(), {.idle = 300ms, .sweep = 10ms});
  TlsClient client(test.port());
  REQUIRE(client.is_connected());
  CHECK(eventually([&] {
    client.ask_for_new_keys();
    client.send("");
    return test.server->counters().timeouts == 1;
  }));
}

TEST_CASE("a new pair is shown to new connections, a bad one to none, and open ones stay") {
  const Files files;
  TlsServer test(files.names());
  TlsClient before(test.port());
  CHECK(before.subject() == "server");
  files.write(TestCertificate("renewed", &files.authority));
  test.identity.reload();
  TlsClient after(test.port());
  CHECK(after.subject() == "renewed");
  files.server.write_key(files.folder.file("server.key"));
  CHECK_THROWS_WITH_AS(test.identity.reload(), doctest::Contains("setting tls-key: "), std::runtime_error);
  TlsClient still(test.port());
  CHECK(still.subject() == "renewed");
  before.send(get);
  CHECK(before.receive_until("GET / ").starts_with("HTTP/1.1 200"));
}

TEST_CASE("the handler is told who has proven a certificate of the authorities, and a wrong one is let in nowhere") {
  const Files files;
  const TestCertificate alice("alice", &files.administrators);
  const TestCertificate mallory("mallory", &files.authority);
  struct Row {
    bool asked;
    const TestCertificate* certificate;
    bool served, certified;
  };
  const Row rows[] = {
      {true, &alice, true, true},
      {true, nullptr, true, false},
      {true, &mallory, false, false},
      {false, &alice, true, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.asked);
    CAPTURE(row.served);
    TlsServer test(row.asked ? files.names_with_authorities() : files.names());
    TlsClient client(test.port(), {.certificate = row.certificate});
    client.send("GET /certified HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string said = client.receive_until(row.certified ? "yes" : "no");
    CHECK(said.starts_with("HTTP/1.1 200") == row.served);
    CHECK(said.ends_with("yes") == row.certified);
  }
}

TEST_CASE("files that cannot be used are refused in one sentence with the setting's name") {
  const Files files;
  const auto file = [&](const char* name) { return files.folder.file(name); };
  files.authority.write_key(file("other.key"));
  files.server.write_key(file("open.key"));
  std::filesystem::permissions(file("open.key"), std::filesystem::perms(0644));
  std::filesystem::copy(file("server.key"), file("group.key"));
  std::filesystem::permissions(file("group.key"), std::filesystem::perms(0640));
  struct Row {
    std::string certificate, key, authorities;
    const char* says;
  };
  const Row rows[] = {
      {"server.crt", "group.key", "", ""},
      {"nowhere", "server.key", "", "setting tls-cert: cannot read "},
      {"server.crt", "nowhere", "", "setting tls-key: cannot read "},
      {"server.key", "server.key", "", "holds no chain of certificates in PEM"},
      {"server.crt", "server.crt", "", "setting tls-key: "},
      {"server.crt", "other.key", "", "does not hold the private key"},
      {"server.crt", "open.key", "", "can be read by everybody: run chmod o= on it"},
      {"server.crt", "server.key", "nowhere", "setting tls-client-ca: cannot read "},
      {"server.crt", "server.key", "server.key", "setting tls-client-ca: "},
  };
  for (const Row& row : rows) {
    CAPTURE(row.certificate);
    CAPTURE(row.key);
    CAPTURE(row.authorities);
    const TlsFiles names{file(row.certificate.c_str()), file(row.key.c_str()),
                         row.authorities.empty() ? "" : file(row.authorities.c_str())};
    if (*row.says == '\0') {
      CHECK_NOTHROW(TlsIdentity{names});
    } else {
      CHECK_THROWS_WITH_AS(TlsIdentity{names}, doctest::Contains(row.says), std::runtime_error);
    }
  }
  const Instant now = SystemClock().now();
  const Instant end = TlsIdentity(files.names()).not_after();
  CHECK((end > now + 23h && end < now + 25h));
}

TEST_CASE("a stop lets a request in TLS be answered and ends what has not shaken hands") {
  const Files files;
  TlsServer test(files.names());
  TestSocket silent(test.port());
  TlsClient client(test.port());
  client.send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(eventually([&] { return test.handler.holds(1); }));
  std::thread stop([&] { CHECK(test.server->stop(20s)); });
  CHECK(silent.receive_all() == "");
  test.handler.answer_held(1);
  CHECK(client.receive_until("GET /later ").starts_with("HTTP/1.1 200"));
  stop.join();
}

// The HTTP/1.1 engine: sockets, limits and framing. What a request means is its Handler's business.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/invariant.h"
#include "base/result.h"
#include "base/time.h"
#include "http/mailbox.h"
#include "http/message.h"
#include "http/tls_identity.h"

namespace cadastre::http {

/// The way back for one answer. Whoever holds it answers once, from any thread; let go unused, the client is told of an
/// internal error.
class Responder {
 public:
  Responder(std::shared_ptr<Mailbox> mailbox, Ticket ticket) : mailbox_(std::move(mailbox)), ticket_(ticket) {}
  Responder(Responder&& other) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder() { abandon(); }

  /// Sends the answer. Requires that none was sent before.
  void send(Response response);
  /// Has the request's I/O thread do something soon; never, when the server has ended. Requires that no answer was
  /// sent.
  void run(Mailbox::Task task) const;

 private:
  void abandon();
  std::shared_ptr<Mailbox> mailbox_;  ///< Empty once answered.
  Ticket ticket_;
};

/// What the engine calls. Both functions are called from all I/O threads.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Answers the request, at once or later from another thread. `io_thread` is below `Server::threads()` and always the
  /// same for one thread. Must not block: all other connections of that thread wait meanwhile.
  virtual void handle(Request request, Responder responder, unsigned io_thread) = 0;
  /// The answer to what the engine itself refuses: `malformed`, `request_timeout`, `content_too_large`,
  /// `headers_too_large`, `not_implemented`, `http_version_unsupported`, `overloaded`, and `internal` for a request
  /// that its holder let go. `request` is there, without its body, when its head was good.
  virtual Response refuse(const Refusal& refusal, const Head* request) = 0;
};

struct Limits {
  std::size_t head_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 64 * 1024;
  std::chrono::milliseconds handshake = std::chrono::seconds(10);  ///< From the connection to the end of its handshake.
  std::chrono::milliseconds idle = std::chrono::seconds(30);       ///< Between requests of one connection.
  std::chrono::milliseconds head = std::chrono::seconds(10);       ///< From a head's first byte to its last.
  std::chrono::milliseconds body = std::chrono::seconds(30);       ///< From a head's last byte to its body's.
  std::chrono::milliseconds write = std::chrono::seconds(30);      ///< Without the client taking any byte of an answer.
  std::chrono::milliseconds linger = std::chrono::seconds(2);      ///< After our last byte, for the client to close.
  std::chrono::milliseconds sweep = std::chrono::seconds(1);  ///< How often the above are looked at: their precision.
  std::size_t connections_max = 10'000;
  std::size_t connections_per_address_max = 1'000;
};

/// What the engine counts, for metrics. Relaxed: each number is right, together they may be a moment apart.
struct Counters {
  std::atomic<std::uint64_t> connections_open = 0;
  std::atomic<std::uint64_t> connections_accepted = 0;
  std::atomic<std::uint64_t> connections_refused = 0;  ///< Above a cap.
  std::atomic<std::uint64_t> accept_failures = 0;      ///< Such as no file descriptor left.
  std::atomic<std::uint64_t> failures = 0;             ///< Exceptions that left a Handler.
  std::atomic<std::uint64_t> handshake_failures = 0;   ///< Of TLS; those that ran out of time are timeouts.
  std::atomic<std::uint64_t> timeouts = 0;             ///< Connections ended by a limit of time, idle ones included.
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Code::internal) + 1> refused = {};  ///< By Code.

  std::uint64_t refused_for(Code code) const {
    return refused[static_cast<std::size_t>(code)].load(std::memory_order_relaxed);
  }
};

/// Serves HTTP/1.1 and 1.0, in TLS or as it is, on some addresses with one thread per core.
class Server {
 public:
  struct Settings {
    std::vector<std::string> listen;  ///< `address:port`, such as `127.0.0.1:9221` or `[::1]:0` (any free port).
    unsigned threads = 0;             ///< 0: as many as there are cores.
    Limits limits = {};
    const TlsIdentity* tls = nullptr;  ///< Outlives the server; null: without TLS.
  };

  /// Binds and listens; clients wait until `start`. Throws std::runtime_error naming the address when that fails, also
  /// when another process listens there. The handler and the clock outlive the server.
  Server(const Settings& settings, Handler& handler, const Clock& clock);
  /// Ends everything at once unless `stop` has been called.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();
  /// Accepts nothing more, closes idle connections, lets every request that has begun be answered, and returns when
  /// all is done: true; or cuts off what is left after `patience`: false. To be called once.
  bool stop(std::chrono::milliseconds patience);

  /// The port of each address of the settings, in their order.
  std::vector<std::uint16_t> ports() const;
  const Counters& counters() const;

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace cadastre::http

// One connection's TLS session over a socket that does not block (RFC 8446).
#pragma once

#include <span>
#include <string_view>

#include "http/server_fiber.h"
#include "http/tls_identity.h"

namespace cadastre::http {

/// The server's side. Every call does what can be done at once; `would_block` says to call again when the socket can be
/// read, or written when `wants_write`. A write is repeated with the same bytes.
class TlsSession {
 public:
  /// The socket outlives it and stays the caller's.
  TlsSession(SslHandle ssl, int socket);

  Outcome handshake();
  Outcome read(std::span<char> room);
  /// Sends one record at most.
  Outcome write(std::string_view bytes);
  /// Sends close_notify, if there is room and the session is whole.
  void say_end();

  bool wants_write() const { return wants_write_; }
  /// Whether bytes wait that are off the socket already.
  bool has_unread() const;
  bool has_client_certificate() const;

 private:
  Outcome outcome(int result, std::size_t bytes);
  SslHandle ssl_;
  bool wants_write_ = false;
  bool has_failed_ = false;
};

}  // namespace cadastre::http

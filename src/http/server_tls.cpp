#include "http/server_tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <cerrno>
#include <cstdint>
#include <new>

#include "base/invariant.h"

namespace cadastre::http {
namespace {

int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

bool is_passing(int reason) { return reason == EAGAIN || reason == EINTR; }

/// OpenSSL's own socket BIO writes without MSG_NOSIGNAL, so that a client that has gone would end the process.
int send_bytes(BIO* bio, const char* bytes, int size) {
  const auto sent = ::send(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  BIO_clear_retry_flags(bio);
  if (sent < 0 && is_passing(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int receive_bytes(BIO* bio, char* room, int size) {
  const auto received = ::recv(socket_of(bio), room, static_cast<std::size_t>(size), 0);
  BIO_clear_retry_flags(bio);
  if (received < 0 && is_passing(errno)) BIO_set_retry_read(bio);
  if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(received);
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    CHECK_INVARIANT(made != nullptr);
    BIO_meth_set_write(made, send_bytes);
    BIO_meth_set_read(made, receive_bytes);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return method;
}

}  // namespace

TlsSession::TlsSession(SslHandle ssl, int socket) : ssl_(std::move(ssl)) {
  BIO* const bio = BIO_new(socket_method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // takes it over
}

Outcome TlsSession::handshake() {
  ERR_clear_error();
  return outcome(SSL_do_handshake(ssl_.get()), 0);
}

Outcome TlsSession::read(std::span<char> room) {
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &bytes);
  return outcome(result, bytes);
}

Outcome TlsSession::write(std::string_view piece) {
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &bytes);
  return outcome(result, bytes);
}

void TlsSession::say_end() {
  if (has_failed_ || SSL_in_init(ssl_.get()) != 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

bool TlsSession::has_unread() const { return SSL_pending(ssl_.get()) > 0; }

bool TlsSession::has_client_certificate() const {
  return SSL_get0_peer_certificate(ssl_.get()) != nullptr && SSL_get_verify_result(ssl_.get()) == X509_V_OK;
}

Outcome TlsSession::outcome(int result, std::size_t bytes) {
  const int reason = SSL_get_error(ssl_.get(), result);
  wants_write_ = reason == SSL_ERROR_WANT_WRITE;
  if (reason == SSL_ERROR_NONE) return {{}, bytes};
  if (wants_write_ || reason == SSL_ERROR_WANT_READ) return {boost::asio::error::would_block, 0};
  if (reason == SSL_ERROR_ZERO_RETURN) return {boost::asio::error::eof, 0};
  has_failed_ = true;
  ERR_clear_error();
  return {boost::asio::error::connection_aborted, 0};
}

}  // namespace cadastre::http

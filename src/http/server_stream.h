// A connection's bytes on its socket, as they are or in TLS.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/listener.h"
#include "http/server_fiber.h"
#include "http/server_tls.h"

namespace cadastre::http {

/// What carries a connection's bytes; the one place that knows.
class Stream {
 public:
  explicit Stream(boost::asio::io_context& io) : socket_(io) {}

  /// `identity` null: without TLS.
  boost::system::error_code open(Descriptor descriptor, bool is_v6, const TlsIdentity* identity) {
    boost::system::error_code error;
    if (socket_.assign(is_v6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(), descriptor.number(), error))
      return error;
    descriptor.release();
    if (socket_.non_blocking(true, error)) return error;
    if (identity != nullptr) tls_.emplace(identity->accept_session(), socket_.native_handle());
    return socket_.set_option(boost::asio::ip::tcp::no_delay(true), error);
  }
  /// Whether a handshake comes first.
  bool is_tls() const { return tls_.has_value(); }
  /// Whether the other side has proven one of the authorities that the identity asks for; after the handshake.
  bool has_client_certificate() const { return tls_ && tls_->has_client_certificate(); }

  /// A step of the handshake once the other side has sent something; to be called again after `would_block`.
  auto handshake() {
    return Operation([this](auto done) { when_ready(std::move(done), [this] { return tls_->handshake(); }); });
  }
  /// Reads what is decrypted already; `would_block` when nothing is, and always without TLS.
  Outcome read_at_once(std::span<char> room) {
    if (tls_ && tls_->has_unread()) return tls_->read(room);
    return {boost::asio::error::would_block, 0};
  }
  /// Waits for bytes. With TLS it may find that nothing of a request came, and then answers `would_block`.
  auto read(std::span<char> room) {
    return Operation([this, room](auto done) {
      if (tls_) return when_ready(std::move(done), [this, room] { return tls_->read(room); });
      socket_.async_read_some(boost::asio::buffer(room.data(), room.size()), std::move(done));
    });
  }
  /// Sends what the kernel takes at once, or with TLS one record of it.
  Outcome write_at_once(const std::pair<std::string_view, std::string_view>& bytes) {
    if (tls_) return tls_->write(bytes.first.empty() ? bytes.second : bytes.first);
    Outcome outcome;
    if (bytes.second.empty()) {
      outcome.bytes = socket_.write_some(boost::asio::buffer(bytes.first), outcome.error);
    } else {
      outcome.bytes = socket_.write_some(pieces(bytes), outcome.error);
    }
    return outcome;
  }
  /// Waits until the kernel takes more; with TLS it may answer `would_block` again.
  auto write(const std::pair<std::string_view, std::string_view>& bytes) {
    return Operation([this, bytes](auto done) {
      if (tls_) return when_ready(std::move(done), [this, bytes] { return write_at_once(bytes); });
      socket_.async_write_some(pieces(bytes), std::move(done));
    });
  }
  bool has_unread() {
    boost::system::error_code error;
    return (tls_ && tls_->has_unread()) || socket_.available(error) > 0;
  }
  /// Says that nothing more comes from here. What is read afterwards is as it lies on the socket.
  void end_output() {
    if (tls_) tls_->say_end();
    tls_.reset();
    boost::system::error_code ignored;
    ignored = socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }
  /// Makes the operation under way fail.
  void cancel() {
    boost::system::error_code ignored;
    ignored = socket_.cancel(ignored);
  }

 private:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

  static std::array<boost::asio::const_buffer, 2> pieces(const std::pair<std::string_view, std::string_view>& bytes) {
    return {boost::asio::buffer(bytes.first), boost::asio::buffer(bytes.second)};
  }
  /// Does what the session asks for once the socket can be read, or written where it is that which it waits for.
  template <class Done, class Act>
  void when_ready(Done done, Act act) {
    socket_.async_wait(tls_->wants_write() ? Socket::wait_write : Socket::wait_read,
                       [done = std::move(done), act](boost::system::error_code error) mutable {
                         const Outcome outcome = error ? Outcome{error, 0} : act();
                         done(outcome.error, outcome.bytes);
                       });
  }

  Socket socket_;
  std::optional<TlsSession> tls_;
};

}  // namespace cadastre::http

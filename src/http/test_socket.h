// A plain socket for tests, so that they see the very bytes.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "http/listener.h"

namespace cadastre::http {

/// A connection to a port of 127.0.0.1. Waits at most 20 s for anything, so that a broken test ends.
class TestSocket {
 public:
  explicit TestSocket(std::uint16_t port, int receive_buffer_bytes = 0) {
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (receive_buffer_bytes > 0) {
      ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("cannot send");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  int number() const { return socket_.number(); }
  void end_sending() { ::shutdown(socket_.number(), SHUT_WR); }

  /// Waits for an answer, or its end, as long as that.
  bool answered_within(std::chrono::milliseconds limit) const {
    pollfd wanted{.fd = socket_.number(), .events = POLLIN, .revents = 0};
    return ::poll(&wanted, 1, static_cast<int>(limit.count())) == 1;
  }
  /// What comes next, empty at the end. Throws when nothing comes, or the connection is reset.
  std::string receive() {
    std::string bytes(65'536, '\0');
    const auto received = ::recv(socket_.number(), bytes.data(), bytes.size(), 0);
    if (received < 0) throw std::runtime_error("nothing received");
    bytes.resize(static_cast<std::size_t>(received));
    return bytes;
  }
  /// Everything up to and including `last`, or up to the end.
  std::string receive_until(std::string_view last) {
    std::string all;
    while (!all.ends_with(last)) {
      const std::string more = receive();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }
  std::string receive_all() {
    std::string all;
    for (std::string more = receive(); !more.empty(); more = receive()) all += more;
    return all;
  }

 private:
  Descriptor socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

}  // namespace cadastre::http

// Listening sockets and what they accept, without any wish how to wait for them.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "base/descriptor.h"

namespace cadastre::http {

/// An accepted connection; its descriptor never blocks.
struct Arrival {
  Descriptor descriptor;
  bool is_v6;
  std::string peer;  ///< The other side's address in text.
};

/// Why nothing was accepted.
enum class NoArrival {
  none_waits,
  gone_again,  ///< The client gave up meanwhile, or the like: try the next.
  exhausted,   ///< The system lacks descriptors or memory: trying again at once would not help.
};

/// Where to listen: one address and a port, 0 for any free one.
struct ListenAddress {
  std::string host;  ///< A numeric address without brackets.
  bool is_v6 = false;
  std::uint16_t port = 0;
};

/// Reads `127.0.0.1:9221` or `[::1]:9221`. Throws std::runtime_error naming the text when it is neither.
ListenAddress parse_listen_address(const std::string& text);

/// Throws when anybody listens there already: with SO_REUSEPORT two servers would share the port unnoticed.
void expect_free(const ListenAddress& address);
/// A listening socket that does not block; several may share one address (SO_REUSEPORT). Throws std::system_error.
Descriptor listen_on(const ListenAddress& address);
/// The port the system gave a socket.
std::uint16_t port_of(const Descriptor& socket);

/// Takes the next waiting connection of a listening socket.
std::expected<Arrival, NoArrival> accept_next(int listening);

}  // namespace cadastre::http

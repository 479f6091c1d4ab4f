#include "http/listener.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace cadastre::http {

namespace {

constexpr int backlog_max = 4096;  // the kernel lowers it to net.core.somaxconn

[[noreturn]] void fail(const ListenAddress& address) {
  const int reason = errno;
  const auto advice = [reason] {
    switch (reason) {
      case EADDRINUSE: return "another program has it: stop that one, or choose another port";
      case EADDRNOTAVAIL: return "the address is not one of this machine";
      case EACCES: return "ports below 1024 need a privilege: choose another";
      default: return "choose another";
    }
  };
  throw std::system_error(reason, std::generic_category(),
                          fmt::format("cannot listen on {} port {}, {}", address.host, address.port, advice()));
}

void set(const Descriptor& socket, int level, int option) {
  const int yes = 1;
  ::setsockopt(socket.number(), level, option, &yes, sizeof yes);
}

Descriptor bound(const ListenAddress& address, bool shares_port) {
  Descriptor socket(::socket(address.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.number() < 0) fail(address);
  set(socket, SOL_SOCKET, SO_REUSEADDR);
  if (shares_port) set(socket, SOL_SOCKET, SO_REUSEPORT);
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  if (address.is_v6) {
    set(socket, IPPROTO_IPV6, IPV6_V6ONLY);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr);
  } else {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr);
  }
  const auto* const name = address.is_v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  if (::bind(socket.number(), name, address.is_v6 ? sizeof v6 : sizeof v4) != 0) fail(address);
  return socket;
}

std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const void* const bytes = address.ss_family == AF_INET6
                                ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr)
                                : &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  ::inet_ntop(address.ss_family, bytes, text, sizeof text);
  return text;
}

}  // namespace

ListenAddress parse_listen_address(const std::string& text) {
  ListenAddress address;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string::npos) {
    address.host = text.substr(0, colon);
    address.is_v6 = address.host.starts_with('[') && address.host.ends_with(']');
    if (address.is_v6) address.host = address.host.substr(1, address.host.size() - 2);
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, address.port);
    unsigned char ignored[sizeof(in6_addr)];
    const bool numeric = ::inet_pton(address.is_v6 ? AF_INET6 : AF_INET, address.host.c_str(), ignored) == 1;
    if (error == std::errc() && stop == end && numeric) return address;
  }
  throw std::runtime_error(fmt::format("cannot listen on \"{}\": it is not a numeric address and a port", text));
}

void expect_free(const ListenAddress& address) { bound(address, false); }

Descriptor listen_on(const ListenAddress& address) {
  Descriptor socket = bound(address, true);
  if (::listen(socket.number(), backlog_max) != 0) fail(address);
  return socket;
}

std::uint16_t port_of(const Descriptor& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

std::expected<Arrival, NoArrival> accept_next(int listening) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int accepted = ::accept4(listening, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted >= 0) return Arrival{Descriptor(accepted), address.ss_family == AF_INET6, text_of(address)};
  switch (errno) {
    case EAGAIN: return std::unexpected(NoArrival::none_waits);
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EBADF: return std::unexpected(NoArrival::exhausted);
    default: return std::unexpected(NoArrival::gone_again);  // accept(2): errors of the connection itself
  }
}

}  // namespace cadastre::http

#include "compute/host_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace cadastre {
namespace {

constexpr int port_count = host_port_last - host_port_first + 1;

bool is_in(const std::vector<HostPort>& ports, int port, const std::string& protocol) {
  return std::ranges::any_of(ports, [&](const HostPort& p) { return p.host_port == port && p.protocol == protocol; });
}

std::optional<int> port_before(const PortOrder& order, const std::vector<HostPort>& had) {
  const auto found = std::ranges::find_if(
      had, [&](const HostPort& p) { return p.guest_port == order.guest_port && p.protocol == order.protocol; });
  return found == had.end() ? std::nullopt : std::optional(found->host_port);
}

/// The id's last two bytes are chance (RFC 9562 section 5.7), so guests begin their search in different places.
int first_candidate(const VmId& id) { return (id.bytes()[14] * 256 + id.bytes()[15]) % port_count; }

}  // namespace

std::optional<std::vector<HostPort>> choose_host_ports(const VmId& id, const std::vector<PortOrder>& orders,
                                                       const std::vector<HostPort>& had, const IsFree& is_free) {
  std::vector<HostPort> chosen;
  for (const auto& order : orders) {
    const auto fits = [&](int port) { return !is_in(chosen, port, order.protocol) && is_free(port, order.protocol); };
    auto port = port_before(order, had);
    if (port && !fits(*port)) port.reset();
    for (int i = 0; i < port_count && !port; ++i) {
      const int candidate = host_port_first + (first_candidate(id) + i) % port_count;
      if (!is_in(had, candidate, order.protocol) && fits(candidate)) port = candidate;
    }
    if (!port) return std::nullopt;
    chosen.push_back({*port, order.guest_port, order.protocol});
  }
  return chosen;
}

bool is_port_free(int port, const std::string& protocol) {
  const bool is_tcp = protocol == "tcp";
  const int fd = ::socket(AF_INET, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int on = 1;  // as QEMU does: the remains of a guest's old connections do not hold its port
  if (is_tcp) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool is_free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                       (!is_tcp || ::listen(fd, 1) == 0);
  ::close(fd);
  return is_free;
}

}  // namespace cadastre

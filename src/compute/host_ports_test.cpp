#include "compute/host_ports.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

namespace cadastre {
namespace {

const VmId id = *VmId::parse("0190a000-0000-7000-8000-000000000001");  // begins its search at 20001

using Ports = std::vector<int>;

Ports chosen(const std::vector<PortOrder>& orders, const std::vector<HostPort>& had, const std::set<int>& taken) {
  Ports ports;
  const auto choice =
      choose_host_ports(id, orders, had, [&](int port, const std::string&) { return !taken.contains(port); });
  if (!choice) return ports;
  for (const auto& port : *choice) ports.push_back(port.host_port);
  return ports;
}

TEST_CASE("each port gets its own free one, and keeps it while it is free") {
  const std::vector<PortOrder> two{{22, "tcp"}, {80, "tcp"}};
  CHECK(chosen({}, {}, {}).empty());
  CHECK(chosen(two, {}, {}) == Ports{20001, 20002});
  CHECK(chosen({{53, "tcp"}, {53, "udp"}}, {}, {}) == Ports{20001, 20001});
  CHECK(chosen(two, {}, {20001, 20003}) == Ports{20002, 20004});
  CHECK(chosen(two, {{25000, 80, "tcp"}}, {}) == Ports{20001, 25000});
  CHECK(chosen(two, {{25000, 80, "tcp"}}, {25000}) == Ports{20001, 20002});
  CHECK(chosen(two, {{25000, 80, "udp"}}, {}) == Ports{20001, 20002});
  CHECK(chosen(two, {{20001, 80, "tcp"}}, {}) == Ports{20002, 20001});  // never another's old one
  CHECK(chosen({{22, "tcp"}, {22, "tcp"}}, {}, {}) == Ports{20001, 20002});
}

TEST_CASE("the search goes round, and ends when nothing is free") {
  std::set<int> all;
  for (int port = host_port_first; port <= host_port_last; ++port) all.insert(port);
  CHECK(chosen({{22, "tcp"}}, {}, all).empty());
  all.erase(host_port_first);
  CHECK(chosen({{22, "tcp"}}, {}, all) == Ports{host_port_first});
}

TEST_CASE("a port that somebody listens at is not free") {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(::listen(fd, 1) == 0);
  socklen_t size = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  const int port = ntohs(address.sin_port);
  CHECK(!is_port_free(port, "tcp"));
  ::close(fd);
  CHECK(is_port_free(port, "tcp"));
}

}  // namespace
}  // namespace cadastre

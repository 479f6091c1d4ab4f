// Which ports of the node stand for the ports of a guest.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "domain/vm.h"

namespace cadastre {

/// Host ports are chosen from here, below those that Linux gives to outgoing connections (from 32768).
constexpr int host_port_first = 20'000;
constexpr int host_port_last = 31'999;

/// Says whether a port of the node may be used.
using IsFree = std::function<bool(int port, const std::string& protocol)>;

/// A free host port for each order: the one it had, where that is free still, else the first free one from a place that
/// the VM's id decides. Nothing when too few are free.
std::optional<std::vector<HostPort>> choose_host_ports(const VmId& id, const std::vector<PortOrder>& orders,
                                                       const std::vector<HostPort>& had, const IsFree& is_free);

/// Whether nobody listens at the port of 127.0.0.1 now.
bool is_port_free(int port, const std::string& protocol);

}  // namespace cadastre

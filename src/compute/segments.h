// Which network segment of the node is a tenant's.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "domain/tenant_id.h"

namespace cadastre {

/// Segments are numbered from 1 to this.
constexpr int segment_last = 65'535;

/// Which tenant each segment in use belongs to.
using Segments = std::map<int, TenantId>;

/// The segment that the tenant has; else a free one, from a place that its id decides, so that it mostly is the same
/// again. 0 when none is free.
int choose_segment(const TenantId& tenant, const Segments& in_use);

/// The segment as QEMU's network back end `socket`: a multicast group of the local scope (RFC 2365 section 6.1) that
/// is bound to the loopback device and so leaves the node never.
std::string segment_netdev(int segment);

}  // namespace cadastre

#include "compute/segments.h"

#include <fmt/format.h>

#include <algorithm>

namespace cadastre {
namespace {

constexpr int segment_port = 19'999;  // below those that stand for guests' ports

/// FNV-1a, which spreads short texts well enough.
std::uint32_t spread(std::string_view text) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return hash;
}

}  // namespace

int choose_segment(const TenantId& tenant, const Segments& in_use) {
  const auto own = std::ranges::find(in_use, tenant, &Segments::value_type::second);
  if (own != in_use.end()) return own->first;
  const auto start = static_cast<int>(spread(tenant.text()) % segment_last);
  for (int i = 0; i < segment_last; ++i) {
    const int segment = (start + i) % segment_last + 1;
    if (!in_use.contains(segment)) return segment;
  }
  return 0;
}

std::string segment_netdev(int segment) {
  return fmt::format("socket,id=segment,mcast=239.255.{}.{}:{},localaddr=127.0.0.1", segment / 256, segment % 256,
                     segment_port);
}

}  // namespace cadastre

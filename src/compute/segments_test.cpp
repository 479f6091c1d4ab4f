#include "compute/segments.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

TenantId tenant(const std::string& id) { return *TenantId::parse(id); }

TEST_CASE("a tenant keeps its segment, and no two have the same") {
  Segments in_use;
  for (int i = 0; i < 2000; ++i) {
    const TenantId id = tenant("tenant-" + std::to_string(i));
    const int segment = choose_segment(id, in_use);
    CHECK(segment >= 1);
    CHECK(segment <= segment_last);
    CHECK(in_use.emplace(segment, id).second);
    CHECK(choose_segment(id, in_use) == segment);
  }
}

TEST_CASE("segments that are taken are passed over, over the last one too, until none is left") {
  const TenantId acme = tenant("acme");
  const int first = choose_segment(acme, {});
  Segments in_use;
  for (int segment = 1; segment <= segment_last; ++segment) in_use.emplace(segment, tenant("other"));
  CHECK(choose_segment(acme, in_use) == 0);
  for (const int free : {1, first, first == 1 ? segment_last : first - 1, segment_last}) {
    in_use.erase(free);
    CHECK(choose_segment(acme, in_use) == free);
    in_use.emplace(free, tenant("other"));
  }
}

TEST_CASE("a segment is a multicast group that stays on the loopback device") {
  CHECK(segment_netdev(1) == "socket,id=segment,mcast=239.255.0.1:19999,localaddr=127.0.0.1");
  CHECK(segment_netdev(segment_last) == "socket,id=segment,mcast=239.255.255.255:19999,localaddr=127.0.0.1");
}

}  // namespace
}  // namespace cadastre

// Where a VM goes, and the words for why not there.
#include "domain/placement.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

constexpr Instant noon = instant_from_s(1'800'000'000);

/// A node with 8 GiB, 4 cores and 100 GB that was heard of just now.
Node node(std::string id) {
  Node node{.tenant = *TenantId::parse("acme"), .id = std::move(id)};
  node.facts = {.hostname = "host",
                .boot_id = "boot",
                .ram_total = Mebibytes{8192},
                .cores = VcpuCount{4},
                .disk_total = Gigabytes{100}};
  node.last_heartbeat = noon;
  return node;
}

PlacementOrder order(std::int64_t ram_mb = 1024) {
  return {.ram = Mebibytes{ram_mb}, .vcpus = VcpuCount{1}, .disk = Gigabytes{10}};
}

std::string chosen(const std::vector<Node>& nodes, const PlacementOrder& wanted) {
  const auto at = choose_node(nodes, wanted, PlacementRules{}, noon);
  return at ? nodes[*at].id : "none";
}

TEST_CASE("a node takes a VM when all of it fits, and says what does not") {
  struct Row {
    std::string_view name;
    void (*change)(Node&, PlacementOrder&);
    std::string_view reason;  // a part of it; empty: it fits
  };
  const Row rows[] = {
      {"as it is", [](Node&, PlacementOrder&) {}, ""},
      {"to the last MiB", [](Node&, PlacementOrder& o) { o.ram = Mebibytes{8192 - 512}; }, ""},
      {"one MiB into what the machine keeps", [](Node&, PlacementOrder& o) { o.ram = Mebibytes{8192 - 511}; },
       "8192 MiB of memory are free, 8193 are needed"},
      {"what is placed counts though nothing uses it yet",
       [](Node& n, PlacementOrder&) { n.placed.ram = Mebibytes{7000}; },
       "1192 MiB of memory are free, 1536 are needed"},
      {"what others use counts too", [](Node& n, PlacementOrder&) { n.facts.ram_used = Mebibytes{7000}; },
       "1192 MiB of memory are free"},
      {"more used than there is", [](Node& n, PlacementOrder&) { n.facts.ram_used = Mebibytes{9000}; },
       "0 MiB of memory are free"},
      {"a core is given away four times", [](Node& n, PlacementOrder&) { n.placed.vcpus = VcpuCount{15}; }, ""},
      {"and not five", [](Node& n, PlacementOrder&) { n.placed.vcpus = VcpuCount{16}; },
       "0 vCPUs are free, 1 are needed"},
      {"the whole disk", [](Node&, PlacementOrder& o) { o.disk = Gigabytes{100}; }, ""},
      {"more than the disk", [](Node&, PlacementOrder& o) { o.disk = Gigabytes{101}; },
       "100 GB of disk are free, 101 are needed"},
      {"no disk on a full one",
       [](Node& n, PlacementOrder& o) {
         n.facts.disk_used = Gigabytes{100};
         o.disk = Gigabytes{0};
       },
       ""},
      {"cordoned", [](Node& n, PlacementOrder&) { n.cordoned = true; }, "cordoned"},
      {"30 s silent", [](Node& n, PlacementOrder&) { n.last_heartbeat = noon - std::chrono::seconds(30); }, ""},
      {"longer silent", [](Node& n, PlacementOrder&) { n.last_heartbeat = noon - std::chrono::milliseconds(30'001); },
       "Unknown"},
      {"never heard of", [](Node& n, PlacementOrder&) { n.last_heartbeat.reset(); }, "Unknown"},
      {"the preferred one", [](Node&, PlacementOrder& o) { o.preferred_node = "a"; }, ""},
      {"not the preferred one", [](Node&, PlacementOrder& o) { o.preferred_node = "b"; }, "is to run on b alone"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    std::vector<Node> nodes{node("a")};
    PlacementOrder wanted = order();
    row.change(nodes.front(), wanted);
    const auto verdicts = rank_nodes(nodes, wanted, PlacementRules{}, noon);
    REQUIRE(verdicts.size() == 1);
    CHECK(verdicts.front().reason.contains(row.reason));
    CHECK(verdicts.front().reason.empty() == row.reason.empty());
    CHECK(choose_node(nodes, wanted, PlacementRules{}, noon).has_value() == row.reason.empty());
  }
}

TEST_CASE("of those that can take it: with KVM when preferred, not reserved, most memory left, by id") {
  std::vector<Node> nodes{node("c"), node("b"), node("a")};
  CHECK(chosen(nodes, order()) == "a");
  nodes[0].facts.ram_used = Mebibytes{100};
  nodes[2].facts.ram_used = Mebibytes{200};
  CHECK(chosen(nodes, order()) == "b");
  nodes[1].facts.reserved = true;
  CHECK(chosen(nodes, order()) == "c");
  nodes[2].facts.kvm_available = true;
  CHECK(chosen(nodes, order()) == "c");
  PlacementOrder fast = order();
  fast.prefer_kvm = true;
  CHECK(chosen(nodes, fast) == "a");
  nodes[2].cordoned = true;
  CHECK(chosen(nodes, fast) == "c");
  fast.preferred_node = "b";
  CHECK(chosen(nodes, fast) == "b");
  fast.preferred_node = "elsewhere";
  CHECK(chosen(nodes, fast) == "none");
  CHECK(chosen({}, order()) == "none");
}

TEST_CASE("the nodes that can take it come first, then the others in their order") {
  std::vector<Node> nodes{node("a"), node("b"), node("c")};
  nodes[0].cordoned = true;
  nodes[1].facts.ram_used = Mebibytes{1};
  std::string ranked;
  for (const auto& verdict : rank_nodes(nodes, order(), PlacementRules{}, noon)) ranked += nodes[verdict.node].id;
  CHECK(ranked == "cba");
}

}  // namespace
}  // namespace cadastre

// Turns of tenants that wait for the shared pool, and how a VM and its reservation come to agree.
#include "domain/pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

namespace cadastre {
namespace {

constexpr Instant noon = instant_from_s(1'800'000'000);
const TenantId nobody = TenantId::platform();
const TenantId pool = *TenantId::parse("pool");

VmId vm_id(std::uint8_t number) {
  Bytes<16> bytes{};
  bytes.back() = number;
  return VmId::of(bytes);
}

Vm waiting_vm(std::string_view tenant, std::uint8_t number, std::int64_t ram_mb = 1024) {
  Vm vm{.id = vm_id(number), .tenant = *TenantId::parse(tenant)};
  vm.ram = Mebibytes{ram_mb};
  vm.vcpus = VcpuCount{1};
  vm.disk = Gigabytes{1};
  return vm;
}

Node node_with(std::string id, std::int64_t ram_mb) {
  Node node{.tenant = pool, .id = std::move(id)};
  node.facts = {.ram_total = Mebibytes{ram_mb} + ram_headroom, .cores = VcpuCount{64}, .disk_total = Gigabytes{1000}};
  node.last_heartbeat = noon;
  return node;
}

/// Serves until nobody can be: `tenant/number@node` each.
std::string served(std::vector<Vm> waiting, std::vector<Node> nodes, TenantId served_last = nobody) {
  std::string words;
  while (const auto choice = choose_from_pool(waiting, served_last, nodes, PlacementRules{}, noon)) {
    const Vm vm = waiting[choice->vm];
    Node& node = nodes[choice->node];
    words += vm.tenant.text() + "/" + std::to_string(vm.id.bytes().back()) + "@" + node.id + " ";
    node.placed = with_vm(node.placed, vm.charge());
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(choice->vm));
    served_last = vm.tenant;
  }
  return words;
}

TEST_CASE("tenants take turns, and each tenant's oldest VM that fits goes first") {
  struct Row {
    std::string_view name;
    std::vector<Vm> waiting;
    std::vector<Node> nodes;
    std::string_view served_last;
    std::string_view served;
  };
  const std::vector<Vm> three_and_two = {waiting_vm("acme", 1), waiting_vm("acme", 2), waiting_vm("acme", 3),
                                         waiting_vm("zeta", 1), waiting_vm("zeta", 2)};
  Vm picky = waiting_vm("acme", 1);
  picky.preferred_node = "east";
  const Row rows[] = {
      {"nobody waits", {}, {node_with("east", 4096)}, "", ""},
      {"there is no node", three_and_two, {}, "", ""},
      {"room for all",
       three_and_two,
       {node_with("east", 9000)},
       "",
       "acme/1@east zeta/1@east acme/2@east zeta/2@east acme/3@east "},
      {"room for three", three_and_two, {node_with("east", 3100)}, "", "acme/1@east zeta/1@east acme/2@east "},
      {"after acme it is zeta's turn",
       three_and_two,
       {node_with("east", 3100)},
       "acme",
       "zeta/1@east acme/1@east zeta/2@east "},
      {"after the last tenant the first again",
       three_and_two,
       {node_with("east", 2100)},
       "zeta",
       "acme/1@east zeta/1@east "},
      {"after one that waits no more", three_and_two, {node_with("east", 2100)}, "lima", "zeta/1@east acme/1@east "},
      {"one too large keeps nobody waiting",
       {waiting_vm("acme", 1, 8000), waiting_vm("acme", 2), waiting_vm("zeta", 1, 8000)},
       {node_with("east", 2000)},
       "",
       "acme/2@east "},
      {"the same size is asked for once",
       {waiting_vm("acme", 1, 8000), waiting_vm("zeta", 1, 8000)},
       {node_with("east", 2000)},
       "",
       ""},
      {"a preferred node binds", {picky, waiting_vm("acme", 2)}, {node_with("west", 4000)}, "", "acme/2@west "},
      {"the node with most room",
       {waiting_vm("acme", 1)},
       {node_with("east", 2000), node_with("west", 4000)},
       "",
       "acme/1@west "},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(served(row.waiting, row.nodes, row.served_last.empty() ? nobody : *TenantId::parse(row.served_last)) ==
          row.served);
  }
}

TEST_CASE("of any number of tenants none is served twice while another waits for what fits") {
  std::vector<Vm> waiting;
  for (const char* tenant : {"a", "b", "c", "d", "e"}) {
    for (std::uint8_t number = 1; number <= 4; ++number) waiting.push_back(waiting_vm(tenant, number));
  }
  const std::string words = served(waiting, {node_with("east", 20 * 1024)}, *TenantId::parse("b"));
  std::map<char, int> counts;
  int at = 0;
  for (std::size_t place = 0; place < words.size(); place = words.find(' ', place) + 1, ++at) {
    const int count = ++counts[words[place]];
    CHECK(count == at / 5 + 1);
  }
  CHECK(at == 20);
}

TEST_CASE("what is next for a VM and its reservation to agree") {
  using enum PoolStep;
  struct Row {
    std::string_view name;
    void (*change)(PoolReservation&, std::optional<Vm>&);
    PoolStep step;
  };
  const auto on_node = [](Vm& vm) {
    vm.pool = pool;
    vm.node_id = "east";
    ++vm.revision;
  };
  static const auto put_on_node = on_node;
  const Row rows[] = {
      {"the VM waits as it did", [](auto&, auto&) {}, assign},
      {"and the node is drained meanwhile", [](auto& r, auto&) { r.hold = PoolHold::draining; }, close},
      {"or lost", [](auto& r, auto&) { r.hold = PoolHold::lost; }, close},
      {"it is gone", [](auto&, auto& vm) { vm.reset(); }, release},
      {"it is gone, and the node too",
       [](auto& r, auto& vm) {
         r.hold = PoolHold::lost;
         vm.reset();
       },
       release},
      {"it waits, but was changed meanwhile", [](auto&, auto& vm) { ++vm->revision; }, release},
      {"it has got a node of its own tenant",
       [](auto&, auto& vm) {
         vm->node_id = "own";
         ++vm->revision;
       },
       release},
      {"a node of its own tenant that has the same id",
       [](auto&, auto& vm) {
         vm->node_id = "east";
         ++vm->revision;
       },
       release},
      {"it is on the node", [](auto&, auto& vm) { put_on_node(*vm); }, keep},
      {"it is being deleted there",
       [](auto&, auto& vm) {
         put_on_node(*vm);
         vm->state = VmState::deleting;
       },
       keep},
      {"its agent has reported",
       [](auto& r, auto& vm) {
         put_on_node(*vm);
         r.is_report_new = true;
       },
       report},
      {"its node is drained",
       [](auto& r, auto& vm) {
         put_on_node(*vm);
         r.hold = PoolHold::draining;
       },
       stop},
      {"its node is drained, and it is wished to stop",
       [](auto& r, auto& vm) {
         put_on_node(*vm);
         r.hold = PoolHold::draining;
         vm->wish = VmWish::stop;
       },
       keep},
      {"its node is drained, and it is being deleted",
       [](auto& r, auto& vm) {
         put_on_node(*vm);
         r.hold = PoolHold::draining;
         vm->state = VmState::deleting;
       },
       keep},
      {"its node is lost, whatever was reported",
       [](auto& r, auto& vm) {
         put_on_node(*vm);
         r.hold = PoolHold::lost;
         r.is_report_new = true;
       },
       lose},
      {"it has lost the node, and waits again",
       [](auto& r, auto& vm) {
         r.hold = PoolHold::lost;
         vm->revision += 3;
       },
       release},
      {"it is on another pool's node of the same id",
       [](auto&, auto& vm) {
         put_on_node(*vm);
         vm->pool = *TenantId::parse("other");
       },
       release},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    std::optional<Vm> vm = waiting_vm("acme", 1);
    PoolReservation reservation{.pool = pool,
                                .vm = vm->id,
                                .vm_tenant = vm->tenant,
                                .vm_revision = vm->revision,
                                .node_id = "east",
                                .charge = vm->charge()};
    row.change(reservation, vm);
    const PoolStep step = pool_step(reservation, vm);
    CHECK(step == row.step);
    CHECK(is_step_of_vm(step) == (step != release && step != keep));
  }
}

}  // namespace
}  // namespace cadastre

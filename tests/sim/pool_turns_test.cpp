// Turns of the shared pool's worker where many wait: whoever fits gets room soon, however many that do not are older or
// come first in the alphabet.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/sim/pool_world.h"

namespace cadastre {
namespace {

class Deployed final : PoolWorld {
  template <class Body>
  auto write(const TenantId& id, Body body) {
    return transact(*store_, id, body).value();
  }

 public:
  Deployed() : PoolWorld(1) {
    for (const char* id : {"pool", "acme", "globex"}) add_tenant(id);
  }

  TenantId add_tenant(std::string_view name) {
    const TenantId id = TenantId::parse(name).value();
    PoolWorld::add_tenant(id, VmCount{1000});
    return id;
  }

  void add_node(const std::string& id, std::int64_t ram_mb) {
    const NodeFacts facts{.hostname = "host",
                          .boot_id = "",
                          .ram_total = Mebibytes{ram_mb} + ram_headroom,
                          .cores = VcpuCount{1000},
                          .disk_total = Gigabytes{10'000}};
    write(pool, [&](Tx& tx) { return enrol_node(tx, services_, caller_of(pool, id), id, facts); });
    write(pool, [&](Tx& tx) { return heartbeat(tx, services_, caller_of(pool, id), id, facts); });
  }

  VmId create(const TenantId& tenant, std::int64_t ram_mb, std::string preferred_node = {}) {
    VmOrder order{.vm_type = "small", .name = {}, .preferred_node = std::move(preferred_node), .ports = {}};
    order.ram = Mebibytes{ram_mb};
    order.vcpus = VcpuCount{1};
    order.disk = Gigabytes{1};
    clock_.advance(std::chrono::milliseconds(1));  // ids are in order of time
    return write(tenant, [&](Tx& tx) { return create_vm(tx, services_, caller_of(tenant), order); }).id;
  }

  bool is_placed(const TenantId& tenant, const VmId& vm) { return reader_->vm(tenant, vm).value().pool == pool; }

  /// Of those settings, at work for as many turns.
  void work(const PoolWorkerSettings& settings, int turns) {
    PoolWorker worker(*store_, services_, [] { return true; }, settings);
    for (int turn = 0; turn < turns; ++turn) worker.take_turn(*reader_, true);
  }
};

const TenantId acme = TenantId::parse("acme").value();
const TenantId globex = TenantId::parse("globex").value();

TEST_CASE("any number of a tenant's older VMs that are too large keeps its younger ones from nothing") {
  Deployed deployed;
  for (int i = 0; i < 70; ++i) deployed.create(acme, 8000);
  const VmId fits = deployed.create(acme, 500);
  deployed.add_node("node-1", 4000);
  deployed.work({.of_tenant_max = 8, .of_tenant_looked_at_max = 16}, 1);
  CHECK(deployed.is_placed(acme, fits));
}

TEST_CASE("of older VMs that are bound to other nodes a turn looks at many, and the next goes on after them") {
  Deployed deployed;
  for (int i = 0; i < 60; ++i) deployed.create(acme, 500, "elsewhere");
  const VmId fits = deployed.create(acme, 500);
  deployed.add_node("node-1", 4000);
  SUBCASE("within one turn") {
    deployed.work({.of_tenant_max = 8}, 1);
    CHECK(deployed.is_placed(acme, fits));
  }
  SUBCASE("turn by turn") {
    const PoolWorkerSettings few{.of_tenant_max = 8, .of_tenant_looked_at_max = 16};
    deployed.work(few, 3);
    CHECK(!deployed.is_placed(acme, fits));
    deployed.work(few, 4);
    CHECK(deployed.is_placed(acme, fits));
    const VmId next = deployed.create(acme, 500);
    deployed.work(few, 4);
    CHECK(deployed.is_placed(acme, next));
  }
}

TEST_CASE("one VM that is too large for every node keeps room from nobody, and gets it when there is a node for it") {
  Deployed deployed;
  const VmId large = deployed.create(acme, 8000);
  const VmId small = deployed.create(acme, 500);
  const VmId other = deployed.create(globex, 500);
  deployed.add_node("node-1", 4000);
  deployed.work({}, 1);
  CHECK(deployed.is_placed(acme, small));
  CHECK(deployed.is_placed(globex, other));
  CHECK(!deployed.is_placed(acme, large));
  deployed.add_node("node-2", 8000);
  deployed.work({}, 1);
  CHECK(deployed.is_placed(acme, large));
}

TEST_CASE("tenants without anything that fits are passed over within a turn") {
  Deployed deployed;
  for (int i = 0; i < 40; ++i) deployed.create(deployed.add_tenant(fmt::format("big-{:02}", i)), 8000);
  const VmId fits = deployed.create(globex, 500);
  deployed.add_node("node-1", 4000);
  deployed.work({.tenants_max = 4}, 1);
  CHECK(deployed.is_placed(globex, fits));
}

TEST_CASE("turns go on at once while there is room for somebody, and each serves a few tenants once") {
  Deployed deployed;
  std::vector<std::pair<TenantId, VmId>> waiting;
  for (int i = 0; i < 10; ++i) {
    const TenantId tenant = deployed.add_tenant(fmt::format("small-{:02}", i));
    for (int of_it = 0; of_it < 2; ++of_it) waiting.emplace_back(tenant, deployed.create(tenant, 500));
  }
  deployed.add_node("node-1", 500 * 15);
  deployed.work({.tenants_max = 4, .of_tenant_max = 1}, 4);
  int firsts = 0, seconds = 0;
  for (std::size_t i = 0; i < waiting.size(); ++i)
    (i % 2 == 0 ? firsts : seconds) += deployed.is_placed(waiting[i].first, waiting[i].second) ? 1 : 0;
  CHECK(firsts == 10);
  CHECK(seconds == 5);
}

}  // namespace
}  // namespace cadastre

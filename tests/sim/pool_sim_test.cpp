// Random lives of VMs on the shared pool, with workers that are cut off between any two transactions or overtaken by
// another: room is never given twice, never lost, and never less than what is on a node.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <set>

#include "service/placements.h"
#include "tests/sim/pool_world.h"

namespace cadastre {
namespace {

constexpr int steps = 250;
constexpr int nodes_max = 3;
const TenantId tenants[] = {TenantId::parse("acme").value(), TenantId::parse("globex").value()};

/// Passes changes on; before one of them it is told to be away, or lets another go first.
class Interrupted final : public Store {
 public:
  explicit Interrupted(Store& store) : store_(store) {}
  std::unique_ptr<Reader> open_reader() override { return store_.open_reader(); }
  bool submit(Change change) override {
    if (changes_left == 0) throw StoreFailure("the process has ended");
    if (changes_left > 0) --changes_left;
    if (overtaken_in == 0) overtake();
    if (overtaken_in >= 0) --overtaken_in;
    return store_.submit(std::move(change));
  }
  void subscribe(ChangeFeed&) override {}
  bool feed_is_exact() const override { return true; }
  std::chrono::milliseconds feed_age() const override { return {}; }
  StoreFigures figures() const override { return store_.figures(); }
  void stop() override {}

  int changes_left = -1;  ///< Before it is away for good; negative: never.
  int overtaken_in = -1;  ///< Changes before `overtake` is called; negative: never.
  std::function<void()> overtake;

 private:
  Store& store_;
};

class Simulation final : PoolWorld {
 public:
  explicit Simulation(std::uint64_t seed) : PoolWorld(seed + 1), chance_(seed) {
    for (const TenantId& id : {TenantId::platform(), pool, tenants[0], tenants[1]}) add_tenant(id, VmCount{12});
  }

  /// Answers how many VMs were seen on the pool, each as often as it was looked at.
  std::size_t run() {
    for (int step = 0; step < steps; ++step) {
      CAPTURE(step);
      clock_.advance(std::chrono::milliseconds(chance_.below(2000)));
      change_something();
      check_room();
      if (one_in(2)) work();
      check_room();
    }
    come_to_rest();
    return seen_on_pool_;
  }

 private:
  bool one_in(std::uint64_t count) { return chance_.below(count) == 0; }

  /// False when it was refused.
  template <class Body>
  bool write(const TenantId& id, Body body) {
    return transact(*store_, id, body).has_value();
  }

  static std::string node_id(std::uint64_t number) { return fmt::format("node-{}", number); }
  static Caller agent_of(const std::string& node) { return caller_of(pool, node); }

  NodeFacts facts() {
    return {.hostname = "host",
            .boot_id = "",
            .ram_total = Mebibytes{512 + 4 * 256},
            .cores = VcpuCount{4},
            .disk_total = Gigabytes{100}};
  }

  void change_something() {
    const TenantId& tenant = tenants[chance_.below(2)];
    const std::string node = node_id(chance_.below(nodes_max));
    switch (chance_.below(10)) {
      case 0:
      case 1:
      case 2: return create(tenant);
      case 3:
        return with_vm_of(tenant, [&](Tx& tx, const std::string& id) -> Result<bool> {
          TRY(delete_vm(tx, services_, caller_of(tenant), id, {}));
          return true;
        });
      case 4:
        return with_vm_of(
            tenant,
            [&, wanted = one_in(2) ? VmWish::run : VmWish::stop](Tx& tx, const std::string& id) -> Result<bool> {
              TRY(wish_vm(tx, services_, caller_of(tenant), id, wanted));
              return true;
            });
      case 5:
        write(pool, [&](Tx& tx) { return enrol_node(tx, services_, agent_of(node), node, facts()); });
        return beat();
      case 6:
        if (one_in(3)) write(pool, [&](Tx& tx) { return drain_node(tx, services_, caller_of(pool), node); });
        write(pool, [&](Tx& tx) { return cordon_node(tx, services_, caller_of(pool), node, one_in(3)); });
        return;
      case 7:
        if (one_in(4)) write(pool, [&](Tx& tx) { return remove_node(tx, services_, caller_of(pool), node, true, {}); });
        return;
      default: return report(node);
    }
  }

  /// Of every node's agent: those that are silent for long get no VM.
  void beat() {
    for (const Node& node : all_nodes(*reader_, pool))
      write(pool, [&](Tx& tx) { return heartbeat(tx, services_, agent_of(node.id), node.id, facts()); });
  }

  void create(const TenantId& tenant) {
    VmOrder order{.vm_type = "small", .name = {}, .preferred_node = {}, .ports = {}};
    order.ram = Mebibytes{static_cast<std::int64_t>(128 << chance_.below(4))};
    order.vcpus = VcpuCount{1};
    order.disk = Gigabytes{1};
    write(tenant, [&](Tx& tx) { return create_vm(tx, services_, caller_of(tenant), order); });
  }

  template <class Body>
  void with_vm_of(const TenantId& tenant, Body body) {
    const auto vms = reader_->vms(tenant, {});
    if (vms.empty()) return;
    const std::string id = vms[chance_.below(vms.size())].id.text();
    write(tenant, [&](Tx& tx) { return body(tx, id); });
  }

  /// What the node's agent sees of some of its guests: what is wished of them, or that one failed.
  void report(const std::string& id) {
    const auto node = reader_->node(pool, id);
    if (!node) return;
    std::vector<GuestReport> reports;
    for (const Vm& vm : pool_vms_on(*reader_, *node)) {
      if (one_in(3)) continue;
      GuestReport report{.vm = vm.id, .generation = vm.generation - (one_in(5) ? 1 : 0)};
      report.state = vm.state == VmState::deleting ? ReportedState::absent
                     : vm.wish == VmWish::run      ? ReportedState::running
                                                   : ReportedState::stopped;
      if (one_in(8)) {
        report.state = ReportedState::failed;
        report.error = "It broke.";
      }
      reports.push_back(std::move(report));
    }
    CHECK(write(pool, [&](Tx& tx) -> Result<bool> {
      const auto told = TRY(report_guests(tx, services_, agent_of(id), id, reports));
      CHECK(told.unknown.empty());
      return true;
    }));
  }

  /// A worker that nobody disturbs, one that ends in the midst of its turn, or one that another overtakes there.
  void work() {
    Interrupted store(*store_);
    PoolWorker worker(store, services_, [] { return true; });
    PoolWorker other(*store_, services_, [] { return true; });
    if (one_in(3)) store.changes_left = static_cast<int>(chance_.below(6));
    if (one_in(2)) store.overtaken_in = static_cast<int>(chance_.below(6));
    store.overtake = [&] {
      const auto reader = store_->open_reader();
      if (one_in(3)) change_something();
      other.take_turn(*reader, true);
      check_room();
    };
    try {
      worker.take_turn(*reader_, true);
    } catch (const StoreFailure&) {
      CHECK(store.changes_left == 0);
    }
  }

  std::vector<Vm> all_vms() {
    std::vector<Vm> all;
    for (const TenantId& tenant : tenants) std::ranges::move(reader_->vms(tenant, {}), std::back_inserter(all));
    return all;
  }

  /// What holds between any two transactions.
  void check_room() {
    std::map<std::string, Usage> taken;
    const auto reservations = reader_->all_pool_reservations({});
    for (const PoolReservation& each : reservations) {
      if (each.hold != PoolHold::lost) taken[each.node_id] = with_vm(taken[each.node_id], each.charge);
    }
    for (const Node& node : all_nodes(*reader_, pool)) {
      CAPTURE(node.id);
      CHECK(node.placed == taken[node.id]);
      CHECK(node.placed.ram + ram_headroom <= node.facts.ram_total);
      taken.erase(node.id);
    }
    for (const auto& [id, left] : taken) CHECK_MESSAGE(left == Usage{}, "room on a node that is not there: " << id);
    for (const Vm& vm : all_vms()) {
      if (!vm.pool) continue;
      ++seen_on_pool_;
      const auto reservation = reader_->pool_reservation(*vm.pool, vm.id);
      CHECK(reservation.has_value());
      if (reservation) CHECK(reservation->node_id == vm.node_id);
    }
  }

  /// After some turns that nobody disturbs all is told, and each reservation is that of a VM on its node.
  void come_to_rest() {
    PoolWorker worker(*store_, services_, [] { return true; });
    for (int turn = 0; turn < 3; ++turn) worker.take_turn(*reader_, true);
    CHECK(reader_->pool_news(10).empty());
    std::set<VmId> reserved;
    for (const PoolReservation& each : reader_->all_pool_reservations({})) {
      CHECK(pool_step(each, reader_->vm(each.vm_tenant, each.vm)) == PoolStep::keep);
      CHECK(each.hold == PoolHold::placed);
      CHECK(!each.is_report_new);
      reserved.insert(each.vm);
    }
    for (const Vm& vm : all_vms()) CHECK(vm.pool.has_value() == reserved.contains(vm.id));
    for (const TenantId& tenant : tenants) {
      const auto counts = reader_->recount(tenant);
      CHECK(counts.counters == counts.rows);
      CHECK(counts.head == counts.leaves);
    }
    check_room();
  }

  std::size_t seen_on_pool_ = 0;
  SeededRandom chance_;
};

TEST_CASE("room on the shared pool is given once and given back, wherever a worker is cut off or overtaken") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    CHECK(Simulation(seed).run() > 100);
  }
}

}  // namespace
}  // namespace cadastre

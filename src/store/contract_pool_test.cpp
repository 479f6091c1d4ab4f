// The store's contract: room on the shared pool, news of it, and the VMs that wait for a node.
#include <fmt/format.h>

#include "store/contract_test.h"

namespace cadastre {
namespace {

const TenantId acme = id_of("acme");
const TenantId pool = id_of("pool");
const TenantId zeta = id_of("zeta");

PoolReservation sample_reservation(const TenantId& of_pool, std::uint32_t number) {
  const Vm vm = sample_vm(acme, number);
  return {.pool = of_pool,
          .vm = vm.id,
          .vm_tenant = acme,
          .vm_revision = 7,
          .node_id = "east",
          .charge = {.disk = Gigabytes{8}, .ram = Mebibytes{512}, .vcpus = VcpuCount{2}},
          .hold = PoolHold::draining,
          .report = GuestReport{.vm = vm.id,
                                .generation = 3,
                                .state = ReportedState::failed,
                                .error = "No \"room\".",
                                .host_ports = {{40001, 22, "tcp"}}},
          .is_report_new = true,
          .created_at = noon,
          .revision = 4};
}

std::string words_of(const PoolReservation& r) {
  std::string report = "none";
  if (r.report) {
    report = fmt::format("{} {} {} {}", r.report->generation, name_of(r.report->state), r.report->error,
                         r.report->vm == r.vm);
    for (const HostPort& port : r.report->host_ports)
      report += fmt::format(" {}>{}/{}", port.host_port, port.guest_port, port.protocol);
  }
  return fmt::format("{}|{}|{}|{}|{}|{} {} {}|{}|{}|{}|{} {}", r.pool.text(), r.vm.text(), r.vm_tenant.text(),
                     r.vm_revision, r.node_id, r.charge.disk.value, r.charge.ram.value, r.charge.vcpus.value,
                     static_cast<int>(r.hold), report, r.is_report_new, ms_since_epoch(r.created_at), r.revision);
}

std::string words_of_all(const std::vector<PoolReservation>& all) {
  std::string words;
  for (const PoolReservation& each : all) words += words_of(each) + "\n";
  return words;
}

std::string words_of_all(const std::vector<PoolNews>& all) {
  std::string words;
  for (const PoolNews& each : all)
    words += fmt::format("{} {} {} {}\n", each.tenant.text(), each.vm.bytes().back(), each.pool.text(), each.number);
  return words;
}

/// A VM that waits for a node, and is to run.
Vm waiting_vm(const TenantId& tenant, std::uint32_t number) {
  Vm vm = sample_vm(tenant, number);
  vm.state = VmState::provisioning;
  vm.wish = VmWish::run;
  vm.node_id.clear();
  vm.pool.reset();
  return vm;
}

std::string names_of(const std::vector<Vm>& vms) {
  std::string names;
  for (const Vm& vm : vms) names += vm.tenant.text() + "/" + vm.name + " ";
  return names;
}

TEST_CASE("a reservation is read as it was written, replaced and erased, inside its transaction and by readers") {
  on_every_store([](Store& store) {
    register_tenant(store, "pool");
    const auto reader = store.open_reader();
    const PoolReservation full = sample_reservation(pool, 1);
    PoolReservation bare = full;
    bare.hold = PoolHold::lost;
    bare.report.reset();
    bare.is_report_new = false;
    bare.node_id = "west";
    const auto look = [&](Reader& r, const PoolReservation* expected) {
      const auto found = r.pool_reservation(pool, full.vm);
      CHECK(found.has_value() == (expected != nullptr));
      if (found && expected != nullptr) CHECK(words_of(*found) == words_of(*expected));
      for (const char* node : {"east", "west"}) {
        const bool is_there = expected != nullptr && expected->node_id == node;
        CHECK(words_of_all(r.pool_reservations(pool, node)) == (is_there ? words_of_all({*expected}) : ""));
      }
      CHECK(r.all_pool_reservations({}).size() == (expected != nullptr ? 1 : 0));
    };
    const auto write = [&](const std::function<void(Tx&)>& body, const PoolReservation* before,
                           const PoolReservation* after) {
      drop(store, pool, [&](Tx& tx) {
        body(tx);
        look(tx, after);
      });
      look(*reader, before);
      change(store, pool, [&](Tx& tx) {
        look(tx, before);
        body(tx);
        look(tx, after);
      });
      look(*reader, after);
    };
    write([&](Tx& tx) { tx.put(full); }, nullptr, &full);
    write([&](Tx& tx) { tx.put(bare); }, &full, &bare);
    write([&](Tx& tx) { tx.erase_pool_reservation(pool, full.vm); }, &bare, nullptr);
    write([&](Tx& tx) { tx.erase_pool_reservation(pool, full.vm); }, nullptr, nullptr);
    CHECK_THROWS_AS(change(store, pool, [](Tx& tx) { tx.put(sample_reservation(zeta, 1)); }), StoreFailure);
  });
}

TEST_CASE("reservations of all pools are walked through page by page, each pool's apart") {
  on_every_store([](Store& store) {
    for (const char* tenant : {"pool", "zeta"}) register_tenant(store, tenant);
    for (const TenantId& each : {pool, zeta}) {
      change(store, each, [&](Tx& tx) {
        for (const std::uint32_t number : {3U, 1U, 2U}) tx.put(sample_reservation(each, number));
      });
    }
    const auto reader = store.open_reader();
    std::string seen;
    for (PoolWalk walk{.limit = 2};;) {
      const auto page = reader->all_pool_reservations(walk);
      for (const PoolReservation& each : page) seen += fmt::format("{}{} ", each.pool.text(), each.vm.bytes().back());
      if (page.size() < walk.limit) break;
      walk.after_pool = page.back().pool;
      walk.after = page.back().vm;
    }
    CHECK(seen == "pool1 pool2 pool3 zeta1 zeta2 zeta3 ");
    CHECK(reader->pool_reservations(pool, "east").size() == 3);
    CHECK(!reader->pool_reservation(acme, sample_reservation(pool, 1).vm));
  });
}

TEST_CASE("news is erased only by the number that was read, and one change of a VM is one piece of news") {
  on_every_store([](Store& store) {
    for (const char* tenant : {"acme", "pool"}) register_tenant(store, tenant);
    const auto news = [](const TenantId& tenant, std::uint32_t vm, std::int64_t number) {
      return PoolNews{.tenant = tenant, .vm = sample_vm(acme, vm).id, .pool = pool, .number = number};
    };
    const auto reader = store.open_reader();
    CHECK(reader->pool_news(10).empty());
    change(store, acme, [&](Tx& tx) {
      tx.put(news(acme, 2, 5));
      tx.put(news(acme, 1, 5));
      tx.put(news(acme, 1, 6));
    });
    change(store, pool, [&](Tx& tx) { tx.put(news(pool, 1, 1)); });
    CHECK(words_of_all(reader->pool_news(10)) == "acme 1 pool 6\nacme 2 pool 5\npool 1 pool 1\n");
    CHECK(reader->pool_news(2).size() == 2);
    change(store, acme, [&](Tx& tx) {
      tx.erase(news(acme, 1, 5));  // it was written again since
      tx.erase(news(acme, 2, 5));
      tx.erase(news(acme, 3, 1));  // there never was any
      CHECK(words_of_all(tx.pool_news(10)) == "acme 1 pool 6\npool 1 pool 1\n");
    });
    drop(store, acme, [&](Tx& tx) { tx.erase(news(acme, 1, 6)); });
    CHECK(words_of_all(reader->pool_news(10)) == "acme 1 pool 6\npool 1 pool 1\n");
    change(store, acme, [&](Tx& tx) {
      tx.put(news(acme, 1, 7));
      tx.erase(news(acme, 1, 7));
    });
    CHECK(words_of_all(reader->pool_news(10)) == "pool 1 pool 1\n");
    CHECK_THROWS_AS(change(store, acme, [&](Tx& tx) { tx.put(news(zeta, 1, 1)); }), StoreFailure);
  });
}

/// The next tenant's that wait, the oldest first.
std::string next_names(Reader& reader, const TenantId& after, std::size_t limit) {
  const auto tenant = reader.next_waiting_tenant(after);
  return tenant ? names_of(reader.waiting_vms(*tenant, {.after = {}, .most = room_for_all, .limit = limit})) : "nobody";
}

TEST_CASE("of those who wait for a node the next tenant's oldest are found, and nobody who does not wait") {
  on_every_store([](Store& store) {
    for (const char* tenant : {"acme", "pool", "zeta"}) register_tenant(store, tenant);
    const auto reader = store.open_reader();
    const TenantId nobody = TenantId::platform();
    CHECK(next_names(*reader, nobody, 10) == "nobody");
    change(store, acme, [&](Tx& tx) {
      for (const std::uint32_t number : {3U, 1U, 2U}) tx.insert(waiting_vm(acme, number));
      Vm stopped = waiting_vm(acme, 4);
      stopped.wish = VmWish::stop;
      tx.insert(stopped);
      Vm placed = waiting_vm(acme, 5);
      placed.node_id = "east";
      tx.insert(placed);
      Vm failed = waiting_vm(acme, 6);
      failed.state = VmState::error;
      tx.insert(failed);
      CHECK(next_names(tx, nobody, 10) == "acme/vm-1 acme/vm-2 acme/vm-3 ");
    });
    change(store, zeta, [&](Tx& tx) { tx.insert(waiting_vm(zeta, 1)); });
    CHECK(next_names(*reader, nobody, 2) == "acme/vm-1 acme/vm-2 ");
    CHECK(next_names(*reader, acme, 10) == "zeta/vm-1 ");
    CHECK(next_names(*reader, pool, 10) == "zeta/vm-1 ");
    CHECK(next_names(*reader, zeta, 10) == "nobody");
    change(store, acme, [&](Tx& tx) {
      Vm vm = waiting_vm(acme, 1);
      vm.node_id = "east";
      vm.pool = pool;
      tx.update(vm);
      tx.erase(acme, waiting_vm(acme, 2).id);
      vm = waiting_vm(acme, 3);
      vm.state = VmState::deleting;
      tx.update(vm);
    });
    CHECK(next_names(*reader, nobody, 10) == "zeta/vm-1 ");
    const auto on_pool = reader->vm(acme, waiting_vm(acme, 1).id);
    CHECK(on_pool.value().pool == pool);
    CHECK(!reader->vm(acme, waiting_vm(acme, 3).id).value().pool);
  });
}

TEST_CASE("of those who wait the ones that fit are found, page after page") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    change(store, acme, [&](Tx& tx) {
      for (std::uint32_t number = 1; number <= 6; ++number) {
        Vm vm = waiting_vm(acme, number);
        vm.ram = Mebibytes{number == 1 ? 2049 : 2048};
        vm.vcpus = VcpuCount{number == 2 ? 3 : 2};
        vm.disk = Gigabytes{number == 4 ? 11 : 10};
        tx.insert(vm);
      }
    });
    const Room most{.ram = Mebibytes{2048}, .vcpus = VcpuCount{2}, .disk = Gigabytes{10}};
    const auto reader = store.open_reader();
    const auto page = reader->waiting_vms(acme, {.after = {}, .most = most, .limit = 2});
    CHECK(names_of(page) == "acme/vm-3 acme/vm-5 ");
    CHECK(names_of(reader->waiting_vms(acme, {.after = page.back().id, .most = most, .limit = 2})) == "acme/vm-6 ");
    CHECK(reader->waiting_vms(acme, {.after = {}, .most = {}, .limit = 2}).empty());
    CHECK(reader->waiting_vms(zeta, {.after = {}, .most = room_for_all, .limit = 2}).empty());
  });
}

}  // namespace
}  // namespace cadastre

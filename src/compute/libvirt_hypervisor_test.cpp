#include "compute/libvirt_hypervisor.h"

#include <doctest/doctest.h>

#include "compute/test_hypervisor.h"

namespace cadastre {
namespace {

DomainHandle domain_of(const TestHypervisor& world, const VmId& id) {
  DomainHandle domain(virDomainLookupByUUID(world.other(), id.bytes().data()));
  REQUIRE(domain != nullptr);
  return domain;
}

TEST_CASE("a guest is started, seen with whose it is, stopped, started again and removed without a trace") {
  TestHypervisor world;
  const auto spec = world.spec();
  const auto guest = world->define_and_start(spec);
  REQUIRE(guest);
  CHECK(guest->id == spec.id);
  CHECK(guest->tenant == spec.tenant);
  CHECK(guest->generation == 3);
  CHECK(guest->state == GuestState::running);
  CHECK(guest->started_at == world.clock().now());
  CHECK(world->list().guests.size() == 1);

  CHECK(world->shut_down(spec.id));
  const auto stopped = world->find(spec.id);
  REQUIRE(stopped);
  CHECK(stopped->state == GuestState::stopped);
  CHECK(!stopped->started_at);
  CHECK(world->shut_down(spec.id));
  CHECK(world->destroy(spec.id));

  world.clock().advance(std::chrono::seconds(5));
  CHECK(world->start(spec.id)->started_at == world.clock().now());
  CHECK(world->start(spec.id)->state == GuestState::running);
  CHECK(world->reboot(spec.id));

  CHECK(world->remove(spec.id));
  CHECK(!world->find(spec.id));
  CHECK(world->list().guests.empty());
  CHECK(world->list().leftovers.empty());
  CHECK(!std::filesystem::exists(world.guests() + "/" + spec.id.text()));
  CHECK(world->remove(spec.id));
}

TEST_CASE("what is asked of an absent guest holds already, or is refused") {
  TestHypervisor world;
  const auto id = test_guest_spec().id;
  CHECK(world->shut_down(id));
  CHECK(world->destroy(id));
  CHECK(world->remove(id));
  CHECK(world->console(id).empty());
  CHECK(world->start(id).error().code == Code::not_found);
  CHECK(world->set_generation(id, 1).error().code == Code::not_found);
  CHECK(world->reboot(id).error().code == Code::conflict);
  CHECK(world->reset(id).error().code == Code::conflict);
}

TEST_CASE("a second wish of the same starts nothing twice, and an older one changes nothing") {
  TestHypervisor world;
  auto spec = world.spec();
  const auto first = world->define_and_start(spec);
  world.clock().advance(std::chrono::seconds(5));
  CHECK(world->define_and_start(spec)->started_at == first->started_at);

  spec.generation = 4;
  CHECK(world->define_and_start(spec)->generation == 4);
  CHECK(world->find(spec.id)->started_at == first->started_at);
  spec.generation = 3;
  CHECK(world->define_and_start(spec).error().code == Code::conflict);
  CHECK(world->destroy(spec.id));
  CHECK(world->find(spec.id)->generation == 4);  // it outlives the process
  CHECK(world->define_and_start(spec).error().code == Code::conflict);
  CHECK(world->set_generation(spec.id, 3).error().code == Code::conflict);
  CHECK(world->set_generation(spec.id, 9));
  CHECK(world->find(spec.id)->generation == 9);

  spec.generation = 10;
  spec.tenant = *TenantId::parse("other");
  CHECK(world->define_and_start(spec).error().code == Code::conflict);
}

TEST_CASE("guests that are not ours are listed and never touched") {
  TestHypervisor world;
  auto sight = world->list();
  REQUIRE(sight.foreign.size() == 1);
  CHECK(sight.foreign[0].name == "test");
  CHECK(sight.foreign[0].state == GuestState::running);

  const auto id = VmId::parse(sight.foreign[0].uuid);
  REQUIRE(id);
  CHECK(!world->find(*id));
  auto spec = world.spec();
  spec.id = *id;
  CHECK(world->define_and_start(spec).error().code == Code::conflict);
  for (const auto& outcome : {world->shut_down(*id), world->destroy(*id), world->reboot(*id), world->reset(*id),
                              world->remove(*id), world->set_generation(*id, 1)}) {
    CHECK(outcome.error().code == Code::conflict);
  }
  CHECK(world->start(*id).error().code == Code::conflict);
  CHECK(world->list().foreign[0].state == GuestState::running);
}

TEST_CASE("metadata that names another machine makes a guest none of ours") {
  TestHypervisor world;
  const auto spec = world.spec();
  REQUIRE(world->define_and_start(spec));
  const char* const other =
      R"(<guest vm_id="0190a000-0000-7000-8000-0000000000ff" tenant="acme" generation="9" ports=""/>)";
  REQUIRE(virDomainSetMetadata(domain_of(world, spec.id).get(), VIR_DOMAIN_METADATA_ELEMENT, other, "cadastre",
                               guest_metadata_uri, VIR_DOMAIN_AFFECT_LIVE) == 0);
  CHECK(world->list().guests.empty());
  CHECK(world->list().foreign.size() == 2);
  CHECK(world->remove(spec.id).error().code == Code::conflict);
}

TEST_CASE("whoever comes next adopts what runs") {
  TestHypervisor world;
  const auto spec = world.spec();
  REQUIRE(world->define_and_start(spec));
  const LibvirtConnection connection("test:///default", [] {});
  const auto domain = find_domain(connection, spec.id);
  const auto guest = to_guest(look_at(connection, domain.get()));
  CHECK(guest.tenant == spec.tenant);
  CHECK(guest.generation == 3);
  CHECK(guest.state == GuestState::running);
}

TEST_CASE("a change by another is told, and seen") {
  TestHypervisor world;
  const auto spec = world.spec();
  REQUIRE(world->define_and_start(spec));
  const int before = world.changes();
  REQUIRE(virDomainDestroy(domain_of(world, spec.id).get()) == 0);
  const Stopwatch waited;
  while (world.changes() == before && waited.elapsed() < std::chrono::seconds(30))
    rest_for(std::chrono::milliseconds(1));
  CHECK(world.changes() > before);
  CHECK(world->find(spec.id)->state == GuestState::stopped);
}

TEST_CASE("host ports are kept while they are free, and are no other guest's") {
  TestHypervisor world;
  auto one = world.spec();
  one.ports = {{22, "tcp"}, {53, "udp"}};
  auto two = one;
  two.id = *VmId::parse("0190a000-0000-7000-8000-0000000b0b0c");  // begins its search at the same port
  const auto ports = world->define_and_start(one)->host_ports;
  REQUIRE(ports.size() == 2);
  CHECK(ports[0].guest_port == 22);
  CHECK(ports[1].protocol == "udp");
  CHECK(world->define_and_start(two)->host_ports[0].host_port != ports[0].host_port);
  CHECK(world->destroy(one.id));
  CHECK(world->define_and_start(one)->host_ports[0].host_port == ports[0].host_port);
}

TEST_CASE("a disk is made once, goes with the guest, and a leftover is listed until it is removed") {
  TestHypervisor world;
  auto spec = world.spec();
  spec.disk = Gigabytes{1};
  REQUIRE(world->define_and_start(spec));
  const auto disk = world.guests() + "/" + spec.id.text() + "/disk.qcow2";
  CHECK(std::filesystem::exists(disk));
  CHECK(world->list().leftovers.empty());

  REQUIRE(virDomainDestroy(domain_of(world, spec.id).get()) == 0);
  REQUIRE(virDomainUndefine(domain_of(world, spec.id).get()) == 0);
  CHECK(world->list().leftovers == std::vector{spec.id});
  CHECK(world->remove(spec.id));
  CHECK(!std::filesystem::exists(disk));
  CHECK(world->list().leftovers.empty());
}

TEST_CASE("what cannot be is refused before anything is made") {
  TestHypervisor world;
  auto spec = world.spec();
  spec.name = "<x/>";
  CHECK(world->define_and_start(spec).error().subject == "name");
  spec = world.spec();
  spec.boot = KernelBoot{"/nowhere/vmlinuz", "", ""};
  CHECK(refusal_of(world->define_and_start(spec)) ==
        "The node cannot read /nowhere/vmlinuz for kernel: No such file or directory.");
  CHECK(world->list().guests.empty());
  CHECK(world->list().leftovers.empty());
}

TEST_CASE("a hypervisor that is not there throws, and is not alive") {
  const TestFolder folder;
  const SystemClock clock;
  SeededRandom random(1);
  LibvirtHypervisor hypervisor({.uri = "test:///nowhere.xml", .folder = folder / "guests"}, clock, random);
  CHECK(!hypervisor.is_alive());
  CHECK_THROWS_AS(hypervisor.list(), HypervisorAway);
  CHECK(hypervisor.capacity().cores.value >= 1);  // of the machine, which is there
}

TEST_CASE("every state of libvirt's has a word of ours, and a sentence where something is wrong") {
  struct Row {
    int state, reason;
    GuestState seen;
    bool says_why;
  };
  const Row rows[] = {
      {VIR_DOMAIN_NOSTATE, 0, GuestState::running, false},
      {VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, GuestState::running, false},
      {VIR_DOMAIN_BLOCKED, 0, GuestState::running, false},
      {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP, GuestState::starting, false},
      {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, GuestState::paused, true},
      {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, GuestState::paused, true},
      {VIR_DOMAIN_PMSUSPENDED, 0, GuestState::paused, true},
      {VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_USER, GuestState::running, false},
      {VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_UNKNOWN, GuestState::stopped, false},
      {VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SHUTDOWN, GuestState::stopped, false},
      {VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DESTROYED, GuestState::stopped, false},
      {VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED, GuestState::failed, true},
      {VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_FAILED, GuestState::failed, true},
      {VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED, GuestState::failed, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.state);
    CAPTURE(row.reason);
    const auto sight = state_in_our_words(row.state, row.reason);
    CHECK(sight.state == row.seen);
    CHECK(sight.reason.empty() != row.says_why);
  }
}

}  // namespace
}  // namespace cadastre

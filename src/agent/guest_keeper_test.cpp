#include "agent/guest_keeper.h"

#include <doctest/doctest.h>

#include "agent/test_world.h"

namespace cadastre {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verbs = std::vector<std::string>;

/// One node with its keeper, which works at one guest at a time.
struct World {
  ManualClock clock{instant_from_s(1'800'000'000)};
  ScriptedHypervisor hypervisor;
  WishJournal journal{""};
  std::string no_image;  ///< Why there is nothing to boot from; empty: there is.
  bool is_image_coming = false;
  GuestKeeper keeper{hypervisor,
                     [this](const WishedGuest&) -> Result<std::optional<BootSource>> {
                       if (!no_image.empty()) return refuse(Code::unavailable, "vm_type", no_image);
                       if (is_image_coming) return std::optional<BootSource>();
                       return KernelBoot{.kernel = "/images/kernel", .initrd = {}, .cmdline = {}};
                     },
                     journal,
                     clock,
                     {.graces = {.stop = seconds(30), .removal = seconds(5)}, .threads = 1}};

  World() { keeper.run_with(Acceleration::tcg); }
  milliseconds work() { return keeper.work(); }
  /// Wishes this of VM 1, and works once.
  Verbs wish(GuestWish wish, std::int64_t generation) {
    keeper.take({.number = generation, .guests = {test_wish(1, wish, generation)}});
    work();
    return hypervisor.take_verbs();
  }
  /// What the control plane would be told of VM 1.
  std::optional<GuestReport> report() const {
    GuestKeeper& told = const_cast<World*>(this)->keeper;
    for (const GuestReport& each : told.reports().due(Tick())) {
      if (each.vm == test_vm(1)) return each;
    }
    return std::nullopt;
  }
  bool says(ReportedState state, std::int64_t generation) const {
    const auto told = report();
    return told && told->state == state && told->generation == generation;
  }
};

}  // namespace

TEST_CASE("a VM's whole life: made, stopped, started, started over, deleted") {
  World world;
  CHECK(world.wish(GuestWish::run, 1) == Verbs{"start 1"});
  CHECK(world.says(ReportedState::running, 1));
  CHECK(world.report()->host_ports.size() == 1);
  CHECK(world.wish(GuestWish::run, 1).empty());
  CHECK(world.wish(GuestWish::stop, 2) == Verbs{"button 1", "note 1"});
  CHECK(world.says(ReportedState::stopped, 2));
  CHECK(world.report()->host_ports.empty());
  CHECK(world.wish(GuestWish::stop, 2).empty());
  CHECK(world.wish(GuestWish::run, 3) == Verbs{"start 1"});
  CHECK(world.wish(GuestWish::run, 4) == Verbs{"button 1", "start 1"});
  CHECK(world.says(ReportedState::running, 4));
  CHECK(world.wish(GuestWish::remove, 5) == Verbs{"button 1", "remove 1"});
  CHECK(world.says(ReportedState::absent, 5));
  CHECK(world.wish(GuestWish::remove, 5).empty());
}

TEST_CASE("a guest that does not heed the button is ended after its grace, and looked at each second until then") {
  World world;
  world.hypervisor.heeds_button = false;
  world.wish(GuestWish::run, 1);
  world.keeper.reports().confirm({}, Tick());
  CHECK(world.wish(GuestWish::stop, 2) == Verbs{"button 1"});
  for (int second = 1; second < 30; ++second) {
    world.clock.advance(seconds(1));
    CHECK(world.work() == seconds(1));
  }
  CHECK(world.hypervisor.take_verbs().empty());
  world.clock.advance(seconds(1));
  world.work();
  CHECK(world.hypervisor.take_verbs() == Verbs{"destroy 1", "note 1"});
  CHECK(world.says(ReportedState::stopped, 2));
}

TEST_CASE("a stop and a start that came together restart the guest, as a reboot does") {
  World world;
  world.hypervisor.heeds_button = false;
  world.wish(GuestWish::run, 1);
  CHECK(world.wish(GuestWish::run, 3) == Verbs{"button 1"});
  world.clock.advance(seconds(30));
  CHECK(world.wish(GuestWish::run, 3) == Verbs{"destroy 1", "start 1"});
}

TEST_CASE("a guest without a power button gets its grace all the same") {
  World world;
  world.wish(GuestWish::run, 1);
  world.hypervisor.refusals["button"] = "There is no such device.";
  world.wish(GuestWish::stop, 2);
  CHECK(!world.says(ReportedState::failed, 2));
  world.clock.advance(seconds(30));
  CHECK(world.wish(GuestWish::stop, 2) == Verbs{"destroy 1", "note 1"});
}

TEST_CASE("a wish that is refused is reported with its sentence and not tried again until something else is wished") {
  World world;
  world.hypervisor.refusals["start"] = "There is no room for its disk";
  CHECK(world.wish(GuestWish::run, 1) == Verbs{"start 1"});
  CHECK(world.says(ReportedState::failed, 1));
  CHECK(world.report()->error == "There is no room for its disk.");
  world.hypervisor.refusals.clear();
  world.clock.advance(std::chrono::hours(1));
  CHECK(world.wish(GuestWish::run, 1).empty());
  CHECK(world.says(ReportedState::failed, 1));
  CHECK(world.wish(GuestWish::run, 2) == Verbs{"start 1"});
  CHECK(world.says(ReportedState::running, 2));
}

TEST_CASE("a type that the node has no image for fails without asking the hypervisor") {
  World world;
  world.no_image = "Its node has no image for the type linux.";
  CHECK(world.wish(GuestWish::run, 1).empty());
  CHECK(world.says(ReportedState::failed, 1));
  CHECK(world.report()->error == world.no_image);
}

TEST_CASE("a disk that is too small for the image fails without asking the hypervisor") {
  World world;
  WishedGuest wish = test_wish(1, GuestWish::run, 1);
  wish.image = ImageFacts{.name = "debian", .min_disk = Gigabytes{4}};
  wish.disk = Gigabytes{3};
  world.keeper.take({.number = 1, .guests = {wish}});
  world.work();
  CHECK(world.hypervisor.take_verbs().empty());
  CHECK(world.report()->error == "disk_gb must be at least 4 for the image debian; it is 3.");
  wish.disk = Gigabytes{4};
  wish.generation = 2;
  world.keeper.take({.number = 2, .guests = {wish}});
  world.work();
  CHECK(world.hypervisor.take_verbs() == Verbs{"start 1"});
}

TEST_CASE("a guest whose image is on its way waits for it, and keeps nobody else waiting") {
  World world;
  world.is_image_coming = true;
  CHECK(world.wish(GuestWish::run, 1).empty());
  CHECK(!world.report());
  world.is_image_coming = false;
  world.work();
  CHECK(world.hypervisor.take_verbs() == Verbs{"start 1"});
  CHECK(world.says(ReportedState::running, 1));
}

TEST_CASE("a guest that ends by itself is started again as its policy says, ever later while it goes on ending") {
  struct Row {
    RestartPolicy policy;
    GuestState ended;
    bool is_restarted;
  };
  const Row rows[] = {
      {RestartPolicy::never, GuestState::stopped, false},      {RestartPolicy::never, GuestState::failed, false},
      {RestartPolicy::on_failure, GuestState::stopped, false}, {RestartPolicy::on_failure, GuestState::failed, true},
      {RestartPolicy::always, GuestState::stopped, true},      {RestartPolicy::always, GuestState::failed, true}};
  for (const Row& row : rows) {
    CAPTURE(static_cast<int>(row.policy));
    CAPTURE(name_of(row.ended));
    World world;
    WishedGuest wish = test_wish(1, GuestWish::run, 1);
    wish.restart = row.policy;
    world.keeper.take({.number = 1, .guests = {wish}});
    world.work();
    world.hypervisor.take_verbs();
    std::vector<int> waits;
    for (int ends = 0; ends < 4; ++ends) {
      world.hypervisor.become(test_vm(1), row.ended, "It ended without being asked to.");
      int waited_s = 0;
      for (world.work(); waited_s < 60 && world.hypervisor.take_verbs().empty(); ++waited_s) {
        CHECK(world.report()->state ==
              (row.ended == GuestState::failed ? ReportedState::failed : ReportedState::stopped));
        world.clock.advance(seconds(1));
        world.work();
      }
      waits.push_back(waited_s);
    }
    CHECK(waits == (row.is_restarted ? std::vector{1, 2, 4, 8} : std::vector{60, 60, 60, 60}));
  }
}

TEST_CASE("a guest that ran for long is restarted at once again, and one that is stopped is not") {
  World world;
  WishedGuest wish = test_wish(1, GuestWish::run, 1);
  wish.restart = RestartPolicy::always;
  world.keeper.take({.number = 1, .guests = {wish}});
  world.work();
  for (int i = 0; i < 2; ++i) {
    world.hypervisor.become(test_vm(1), GuestState::stopped);
    world.work();
    world.clock.advance(seconds(1));
    world.work();
    world.clock.advance(std::chrono::minutes(10));
    world.work();
  }
  CHECK(world.hypervisor.take_verbs() == Verbs{"start 1", "start 1", "start 1"});
  wish.wish = GuestWish::stop;
  wish.generation = 2;
  world.keeper.take({.number = 2, .guests = {wish}});
  for (int i = 0; i < 5; ++i) {
    world.work();
    world.clock.advance(std::chrono::minutes(1));
  }
  CHECK(world.hypervisor.take_verbs() == Verbs{"button 1", "note 1"});
}

TEST_CASE("a removal that is refused is tried again and again, ever less often, and never reported as done") {
  World world;
  world.wish(GuestWish::run, 1);
  world.hypervisor.refusals["remove"] = "The device is busy.";
  world.wish(GuestWish::remove, 2);
  int tries = 0;
  for (int second = 0; second < 600; ++second) {
    world.clock.advance(seconds(1));
    world.work();
    for (const std::string& verb : world.hypervisor.take_verbs()) tries += verb == "remove 1" ? 1 : 0;
  }
  CHECK(tries >= 10);
  CHECK(tries <= 20);
  CHECK(!world.says(ReportedState::absent, 2));
  CHECK(!world.says(ReportedState::failed, 2));
  world.hypervisor.refusals.clear();
  world.clock.advance(seconds(60));
  world.work();
  CHECK(world.says(ReportedState::absent, 2));
}

TEST_CASE("an agent that is started anew adopts what runs and changes nothing") {
  World before;
  before.wish(GuestWish::run, 7);
  World after;
  after.hypervisor.guests = before.hypervisor.guests;
  CHECK(after.wish(GuestWish::run, 7).empty());
  CHECK(after.says(ReportedState::running, 7));
  after.hypervisor.become(test_vm(1), GuestState::stopped);
  CHECK(after.wish(GuestWish::run, 7).empty());
  CHECK(after.says(ReportedState::stopped, 7));
}

TEST_CASE("a hypervisor that goes away in the midst leaves nothing to report, and the wish is carried out afterwards") {
  World world;
  world.hypervisor.away = "start";
  world.keeper.take({.number = 1, .guests = {test_wish(1, GuestWish::run, 1)}});
  CHECK_THROWS_AS(world.work(), HypervisorAway);
  CHECK(!world.report());
  world.hypervisor.away = "list";
  CHECK_THROWS_AS(world.work(), HypervisorAway);
  CHECK(!world.report());
  world.hypervisor.away.clear();
  world.work();
  CHECK(world.hypervisor.take_verbs() == Verbs{"start 1"});
  CHECK(world.says(ReportedState::running, 1));
}

TEST_CASE("a start that was cut off with the hypervisor is waited for, and then begun again") {
  World world;
  world.hypervisor.away = "start";
  world.keeper.take({.number = 1, .guests = {test_wish(1, GuestWish::run, 1)}});
  CHECK_THROWS_AS(world.work(), HypervisorAway);
  world.hypervisor.away.clear();
  world.hypervisor.guests.emplace(
      test_vm(1),
      Guest{.id = test_vm(1), .tenant = *TenantId::parse("acme"), .generation = 1, .state = GuestState::starting});
  world.work();
  CHECK(world.hypervisor.take_verbs().empty());
  CHECK(!world.report());
  world.clock.advance(start_patience);
  world.work();
  CHECK(world.hypervisor.take_verbs() == Verbs{"destroy 1", "start 1"});
  CHECK(world.says(ReportedState::running, 1));
}

TEST_CASE("a guest whose trouble takes the hypervisor away does not keep others from what is wished") {
  World world;
  world.wish(GuestWish::run, 1);
  world.hypervisor.away = "start";
  world.keeper.take({.number = 2, .guests = {test_wish(2, GuestWish::run, 1), test_wish(1, GuestWish::stop, 2)}});
  CHECK_THROWS_AS(world.work(), HypervisorAway);
  CHECK(world.says(ReportedState::stopped, 2));
}

TEST_CASE("guests of ours of which nothing is wished are left as they are, and named in heartbeats") {
  World world;
  world.wish(GuestWish::run, 1);
  world.hypervisor.leftovers.insert(test_vm(9));
  world.keeper.take({.number = 2, .guests = {test_wish(2, GuestWish::run, 1)}});
  for (int i = 0; i < 3; ++i) world.work();
  CHECK(world.hypervisor.take_verbs() == Verbs{"start 2"});
  world.work();
  CHECK(world.keeper.guests() == std::vector{test_vm(1), test_vm(2), test_vm(9)});
  CHECK(!world.report());
}

TEST_CASE("nothing is done before the wishes are known, and nothing started before it is known what with") {
  World world;
  world.wish(GuestWish::run, 1);
  ManualClock clock(instant_from_s(1'800'000'000));
  GuestKeeper keeper(world.hypervisor,
                     [](const WishedGuest&) -> Result<std::optional<BootSource>> { return KernelBoot{}; },
                     world.journal, clock, {.graces = {}, .threads = 1});
  keeper.work();
  CHECK(keeper.guests() == std::vector{test_vm(1)});
  keeper.take({.number = 1, .guests = {test_wish(1, GuestWish::stop, 2), test_wish(2, GuestWish::run, 1)}});
  keeper.work();
  CHECK(world.hypervisor.take_verbs() == Verbs{"button 1", "note 1"});
  CHECK(keeper.reports().due(clock.tick()).size() == 1);
  keeper.run_with(Acceleration::tcg);
  keeper.work();
  CHECK(world.hypervisor.take_verbs() == Verbs{"start 2"});
}

}  // namespace cadastre

#include "agent/agent.h"

#include <doctest/doctest.h>

#include <thread>

#include "agent/test_world.h"

namespace cadastre {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verbs = std::vector<std::string>;

enum class Threads { one, several };

/// An agent between a control plane and a hypervisor, on a clock that is moved by hand.
struct World {
  ManualClock clock{instant_from_s(1'800'000'000)};
  SeededRandom seeded{1};
  SystemRandom shared;
  Random& random;
  ScriptedControlPlane control_plane;
  ScriptedHypervisor hypervisor;
  WishJournal journal{""};
  Wakeup guests_changed;
  Agent agent{control_plane,
              hypervisor,
              [](const WishedGuest&) -> Result<std::optional<BootSource>> { return KernelBoot{}; },
              journal,
              clock,
              random,
              guests_changed,
              {.keeper = {.graces = {}, .threads = 1}, .hostname = "host-1", .boot_id = "b", .reserved = true}};

  explicit World(Threads threads = Threads::one)
      : random(threads == Threads::one ? static_cast<Random&>(seeded) : shared) {}

  /// One turn of each life.
  void turn() {
    agent.prove();
    agent.poll();
    agent.work();
    agent.tell();
    agent.beat();
  }
};

}  // namespace

TEST_CASE("a wish is heard, carried out and reported, and the heartbeat names the guest") {
  World world;
  world.control_plane.wished = {.number = 5, .guests = {test_wish(1, GuestWish::run, 1)}};
  world.turn();
  CHECK(world.hypervisor.take_verbs() == Verbs{"start 1"});
  const auto reports = world.control_plane.take_reports();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].state == ReportedState::running);
  world.turn();
  REQUIRE(world.control_plane.heartbeats.size() == 2);
  CHECK(world.control_plane.heartbeats[1] == std::vector{test_vm(1)});
  CHECK(world.control_plane.facts[0].hostname == "host-1");
  CHECK(world.control_plane.facts[0].reserved);
  CHECK(!world.control_plane.facts[0].kvm_available);
  CHECK(world.control_plane.facts[0].ram_total == Mebibytes{4096});
  CHECK(world.control_plane.asked_after == std::vector<std::optional<std::int64_t>>{std::nullopt, 5});
  CHECK(world.control_plane.take_reports().empty());
}

TEST_CASE("what a guest writes to its console is shown when it is new, of guests that a VM stands behind") {
  World world;
  world.control_plane.wished = {.number = 5, .guests = {test_wish(1, GuestWish::run, 1)}};
  world.hypervisor.leftovers.insert(test_vm(9));
  world.hypervisor.consoles = {{test_vm(1), "booting"}, {test_vm(9), "somebody else's"}};
  world.turn();
  world.turn();  // now the guest is seen
  CHECK(world.agent.show() == seconds(1));
  world.agent.show();
  CHECK(world.control_plane.consoles == Verbs{"booting"});
  world.hypervisor.consoles[test_vm(1)] = "booting, up";
  world.agent.show();
  CHECK(world.control_plane.consoles.size() == 1);
  world.clock.advance(seconds(1));
  world.agent.show();
  CHECK(world.control_plane.consoles == Verbs{"booting", "booting, up"});
  world.control_plane.away = "nobody there";
  world.hypervisor.consoles[test_vm(1)] = "booting, up, ready";
  world.clock.advance(seconds(2));
  world.agent.show();
  CHECK(world.control_plane.consoles.size() == 2);
  world.control_plane.away.clear();
  world.agent.show();
  CHECK(world.control_plane.consoles.back() == "booting, up, ready");
}

TEST_CASE("a guest that goes on writing is shown ever less often, and at once again after a silence") {
  World world;
  world.control_plane.wished = {.number = 5, .guests = {test_wish(1, GuestWish::run, 1)}};
  world.turn();
  world.turn();
  const auto shown_in = [&](int duration_s, bool is_writing) {
    const std::size_t before = world.control_plane.consoles.size();
    for (int second = 0; second < duration_s; ++second) {
      if (is_writing) world.hypervisor.consoles[test_vm(1)] += "x";
      world.agent.show();
      world.clock.advance(seconds(1));
    }
    return world.control_plane.consoles.size() - before;
  };
  CHECK(shown_in(31, true) == 5);  // after 0, 1, 3, 7 and 15 s
  CHECK(shown_in(600, true) == 20);
  CHECK(shown_in(60, false) == 1);  // what it wrote last
  CHECK(shown_in(3, true) == 2);
}

TEST_CASE("everything is reported again each minute") {
  World world;
  world.control_plane.wished = {.number = 5, .guests = {test_wish(1, GuestWish::run, 1)}};
  world.turn();
  world.control_plane.take_reports();
  world.clock.advance(seconds(59));
  CHECK(world.agent.tell() == seconds(1));
  CHECK(world.control_plane.reports.empty());
  world.clock.advance(seconds(1));
  world.agent.tell();
  CHECK(world.control_plane.reports.size() == 1);
}

TEST_CASE("with KVM proved the heartbeat says so; until something is proved nothing starts, and all else is done") {
  World world;
  world.control_plane.wished = {.number = 1, .guests = {test_wish(1, GuestWish::run, 1)}};
  world.hypervisor.proof = {Acceleration::kvm, "A probe guest ran."};
  world.turn();
  CHECK(world.control_plane.facts[0].kvm_available);
  World other;
  other.hypervisor.proof_refusal = "/dev/kvm cannot be opened.";
  other.hypervisor.guests = world.hypervisor.guests;
  other.control_plane.wished = {.number = 1,
                                .guests = {test_wish(1, GuestWish::run, 1), test_wish(2, GuestWish::run, 1)}};
  other.turn();
  CHECK(other.hypervisor.take_verbs().empty());
  CHECK(other.control_plane.heartbeats.empty());
  const auto reports = other.control_plane.take_reports();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].vm == test_vm(1));
  other.hypervisor.proof_refusal.clear();
  other.turn();
  CHECK(other.hypervisor.take_verbs() == Verbs{"start 2"});
  CHECK(other.control_plane.heartbeats.size() == 1);
}

TEST_CASE("waits grow while the control plane is away, and nothing is lost") {
  World world;
  world.control_plane.wished = {.number = 5, .guests = {test_wish(1, GuestWish::run, 1)}};
  world.agent.prove();
  world.agent.poll();
  world.control_plane.away = "connection refused";
  world.agent.work();
  CHECK(world.hypervisor.take_verbs() == Verbs{"start 1"});
  milliseconds waited{0};
  for (int i = 0; i < 8; ++i) {
    const auto rest = world.agent.tell();
    CHECK(rest <= seconds(30));
    CHECK(rest >= milliseconds(500));
    world.agent.work();  // rings meanwhile, and is not heard before its time
    CHECK(world.agent.tell() == rest);
    world.clock.advance(rest);
    waited += rest;
    CHECK(world.agent.poll() <= seconds(30));
    CHECK(world.agent.beat() <= seconds(30));
  }
  CHECK(waited > seconds(60));
  CHECK(world.control_plane.reports.empty());
  world.control_plane.away.clear();
  world.agent.tell();
  CHECK(world.control_plane.take_reports().size() == 1);
}

TEST_CASE("a refusal of the agent itself changes no guest and is tried again") {
  World world;
  world.control_plane.wished = {.number = 5, .guests = {test_wish(1, GuestWish::run, 1)}};
  world.turn();
  world.control_plane.refusal = Refusal{Code::unauthenticated, "device_revoked", "The token was refused."};
  world.hypervisor.take_verbs();
  world.hypervisor.become(test_vm(1), GuestState::stopped);
  world.turn();
  CHECK(world.hypervisor.take_verbs().empty());
  world.control_plane.refusal.reset();
  world.clock.advance(seconds(30));
  world.control_plane.take_reports();
  world.turn();
  CHECK(world.control_plane.take_reports().size() == 1);
}

TEST_CASE("a report that is not believed does not keep the others from being told") {
  World world;
  world.control_plane.wished = {
      .number = 5,
      .guests = {test_wish(1, GuestWish::run, 1), test_wish(2, GuestWish::run, 1), test_wish(3, GuestWish::run, 1)}};
  world.control_plane.disbelieves = [](const GuestReport& report) { return report.vm == test_vm(2); };
  world.turn();
  const auto reports = world.control_plane.take_reports();
  REQUIRE(reports.size() == 2);
  CHECK(reports[0].vm == test_vm(1));
  CHECK(reports[1].vm == test_vm(3));
  world.agent.tell();
  CHECK(world.control_plane.reports.empty());
}

TEST_CASE("a node whose hypervisor is away is silent, and speaks again with it") {
  World world;
  world.hypervisor.away = "all";
  world.turn();
  CHECK(world.control_plane.heartbeats.empty());
  CHECK(world.control_plane.renewals == 1);
  world.hypervisor.away.clear();
  world.turn();
  CHECK(world.control_plane.heartbeats.size() == 1);
  world.hypervisor.away = "list";
  world.turn();
  CHECK(world.control_plane.heartbeats.size() == 1);
  CHECK(world.control_plane.take_reports().empty());
}

TEST_CASE("a node whose hypervisor does not come back from a call is silent until it does") {
  World world;
  world.turn();
  CHECK(world.control_plane.heartbeats.size() == 1);
  world.control_plane.wished = {.number = 5, .guests = {test_wish(1, GuestWish::run, 1)}};
  world.agent.poll();
  std::vector<std::size_t> heartbeats;
  world.hypervisor.meanwhile = [&] {
    for (const seconds wait : {seconds(119), seconds(1), seconds(600)}) {
      world.clock.advance(wait);
      world.agent.beat();
      heartbeats.push_back(world.control_plane.heartbeats.size());
    }
  };
  world.agent.work();
  CHECK(heartbeats == std::vector<std::size_t>{2, 2, 2});
  world.agent.beat();
  CHECK(world.control_plane.heartbeats.size() == 3);
}

TEST_CASE("a control plane that does not wait is not asked without a pause") {
  World world;
  world.control_plane.wished = {.number = 5, .guests = {}};
  CHECK(world.agent.poll() == milliseconds(0));
  CHECK(world.agent.poll() == seconds(1));
}

TEST_CASE("all lives end when they are to, and when one of them cannot go on") {
  World world(Threads::several);
  std::stop_source stop;
  std::thread running([&] { world.agent.run(stop.get_token()); });
  stop.request_stop();
  running.join();
  World other(Threads::several);
  other.hypervisor.away = "broken";
  CHECK_THROWS_AS(other.agent.run(std::stop_token()), std::logic_error);
}

}  // namespace cadastre

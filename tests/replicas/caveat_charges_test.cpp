// What caveats that count are charged to, as the register knows the tokens above.
#include "service/caveat_charges.h"

#include "tests/replicas/world.h"

namespace cadastre {
namespace {

/// When what the register knows of ends.
constexpr Instant end_of_register = instant_from_s(1'900'000'000);

struct ChargeWorld : SharedWorld {
  ChargeWorld() : SharedWorld(600) {}

  /// Runs `body(Tx&)` and keeps what it wrote.
  template <class Body>
  void change(Body body) {
    REQUIRE(transact(*store, acme, [&](Tx& tx) -> Result<bool> {
      body(tx);
      return true;
    }));
  }
  /// A token with the caveats that was issued under nothing.
  RevocationId keep_token(std::uint8_t number, const std::string& caveats) {
    IssuedToken token{.tenant = acme, .id = TokenId{number}, .rid = RevocationId{number}, .scope = "READ"};
    token.caveats = caveats;
    token.expires_at = end_of_register;
    change([&](Tx& tx) { tx.insert(token); });
    return token.rid;
  }
  void keep_link(std::uint8_t number, const RevocationId& root, const std::string& caveats) {
    SeenLink link{.tenant = acme, .rid = RevocationId{number}, .id = "link", .parent = root, .root = root};
    link.scope = "READ";
    link.caveats = caveats;
    link.expires_at = end_of_register;
    change([&](Tx& tx) { tx.put(link); });
  }
  /// Whoever comes with a token of that rid, caveats and ancestors.
  Caller holder(std::uint8_t number, std::string_view caveats, std::vector<RevocationId> ancestors = {}) {
    Caller caller = platform();
    caller.tenant = caller.home = acme;
    caller.rids = {RevocationId{number}};
    caller.rids.insert(caller.rids.end(), ancestors.begin(), ancestors.end());
    caller.caveats = parse_caveats(caveats, 0).value();
    caller.root_expires_at = clock.now() + std::chrono::hours(1);
    caller.limits = resolve_limits(caller, *store->open_reader());
    return caller;
  }
  std::string reason(const Caller& caller) {
    std::string subject;
    change([&](Tx& tx) {
      const auto charged = charge_request(tx, caller, clock.now());
      if (!charged) subject = charged.error().subject;
    });
    return subject;
  }
};

TEST_CASE("what hangs below one token shares its uses, and a refusal counts for nobody") {
  ChargeWorld world;
  const auto first = world.keep_token(1, R"([{"uses":3}])");
  const Caller left = world.holder(2, R"([{"uses":3},{"uses":1}])", {first});
  const Caller right = world.holder(3, R"([{"uses":3}])", {first});
  CHECK(world.reason(left).empty());
  for (int i = 0; i < 3; ++i) CHECK(world.reason(left) == "caveat_denied:uses");
  CHECK(world.reason(right).empty());
  CHECK(world.reason(right).empty());
  CHECK(world.reason(right) == "caveat_denied:uses");
  const auto reader = world.store->open_reader();
  CHECK(reader->counter(world.acme, CounterKind::uses, first) == 3);
  CHECK(reader->counter(world.acme, CounterKind::uses, RevocationId{2}) == 1);
  CHECK(reader->counter(world.acme, CounterKind::uses, RevocationId{3}) == 2);
}

TEST_CASE("a link above charges its own words, and counts where its root does") {
  ChargeWorld world;
  const auto root = world.keep_token(1, "");
  world.keep_link(9, root, R"([{"rpm":2}])");
  const Caller below = world.holder(2, R"([{"rpm":2}])", {RevocationId{9}, root});
  REQUIRE(below.limits);
  CHECK(*below.limits ==
        std::vector<CaveatLimit>{{CaveatKind::rpm, world.acme, RevocationId{2}, 2, below.root_expires_at},
                                 {CaveatKind::rpm, world.acme, RevocationId{9}, 2, end_of_register}});
  CHECK(world.reason(below).empty());
  CHECK(world.reason(below).empty());
  CHECK(world.reason(below) == "caveat_denied:rpm");
  CHECK(world.reason(world.holder(3, R"([{"rpm":2}])", {RevocationId{9}, root})) == "caveat_denied:rpm");
}

TEST_CASE("what may be an ancestor's that nobody knows is refused") {
  ChargeWorld world;
  const Caller unknown = world.holder(2, R"([{"uses":3},{"quota":{"vms":3}}])", {RevocationId{77}});
  CHECK(!unknown.limits);
  CHECK(world.reason(unknown) == "caveat_denied:uses");
  world.change([&](Tx& tx) { CHECK(charge_vm(tx, unknown).error().subject == "caveat_denied:quota"); });
  // What does not count needs no ancestors.
  const Caller plain = world.holder(2, R"([{"method":["GET"]}])", {RevocationId{77}});
  CHECK(plain.limits);
  CHECK(world.reason(plain).empty());
}

TEST_CASE("a VM is charged to every bearer and given back to each") {
  ChargeWorld world;
  const auto first = world.keep_token(1, R"([{"quota":{"vms":1}}])");
  const Caller left = world.holder(2, R"([{"quota":{"vms":1}}])", {first});
  const Caller right = world.holder(3, R"([{"quota":{"vms":1}}])", {first});
  Vm vm{.id = VmId::of(Bytes<16>{1}), .tenant = world.acme};
  world.change([&](Tx& tx) {
    vm.charged_to = charge_vm(tx, left).value();
    CHECK(vm.charged_to == std::vector<RevocationId>{RevocationId{2}, first});
    CHECK(!charge_vm(tx, right));
  });
  world.change([&](Tx& tx) {
    release_vm(tx, vm);
    CHECK(tx.counter(world.acme, CounterKind::vms, first) == 0);
    CHECK(charge_vm(tx, right).has_value());
  });
}

TEST_CASE("what an element's requests came to goes a day after its end, and no VM that is charged to it") {
  ChargeWorld world;
  const std::string_view words = R"([{"uses":9},{"rpm":9},{"quota":{"vms":3}}])";
  const auto first = world.keep_token(1, std::string(words));
  const Caller left = world.holder(2, words, {first});  // ends in an hour, and the first much later
  const Instant end = left.root_expires_at;
  CHECK(world.reason(left).empty());
  world.change([&](Tx& tx) { CHECK(charge_vm(tx, left).has_value()); });
  const auto reader = world.store->open_reader();
  struct Kept {
    std::int64_t uses, vms;
    bool has_rate;
    bool operator==(const Kept&) const = default;
  };
  const auto kept = [&](const RevocationId& rid) {
    return Kept{.uses = reader->counter(world.acme, CounterKind::uses, rid),
                .vms = reader->counter(world.acme, CounterKind::vms, rid),
                .has_rate = reader->caveat_rate(world.acme, rid) != RateBudget()};
  };
  const auto forget_at = [&](Instant now) {
    forget_charges(*world.store, now);
    world.change([](Tx&) {});  // after what was submitted before it
  };
  const Kept all{.uses = 1, .vms = 1, .has_rate = true};
  forget_at(end + charges_kept_for - std::chrono::milliseconds(1));
  CHECK(kept(RevocationId{2}) == all);
  forget_at(end + charges_kept_for);
  CHECK(kept(RevocationId{2}) == Kept{.uses = 0, .vms = 1, .has_rate = false});
  CHECK(kept(first) == all);
  forget_at(end_of_register + charges_kept_for);
  CHECK(kept(first) == Kept{.uses = 0, .vms = 1, .has_rate = false});
}

}  // namespace
}  // namespace cadastre

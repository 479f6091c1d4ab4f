// What a gate says without asking, on a real store: never that something is not revoked which was, whoever asks when.
#include "service/known_revocations.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "crypto/sha256.h"
#include "service/tenant_gates.h"
#include "base/test_folder.h"
#include "store/sqlite/sqlite_store.h"

namespace cadastre {
namespace {

const TenantId acme = TenantId::parse("acme").value();

Bytes<32> id_of(std::int64_t number) { return sha256(fmt::format("revoked {}", number)); }

/// A store with a tenant, and the gates that hear of its changes.
class World {
 public:
  World() : store_(open_sqlite_store({.directory = folder_ / "store"})) {
    store_->subscribe(gates_);
    const auto insert = [](Tx& tx) -> Result<int> {
      return tx.insert(Tenant{.id = acme, .state = TenantState::active}), 0;
    };
    REQUIRE(transact(*store_, acme, insert).has_value());
  }
  /// Answers when all of them are committed, in one change.
  void revoke(std::int64_t first, std::int64_t count) {
    const auto insert = [&](Tx& tx) -> Result<int> {
      for (std::int64_t i = first; i < first + count; ++i) {
        tx.insert(Revocation{.tenant = acme,
                             .kind = i % 2 == 0 ? RevocationKind::token : RevocationKind::key,
                             .id = id_of(i),
                             .revoked_at = {},
                             .expires_at = {}});
      }
      return 0;
    };
    REQUIRE(transact(*store_, acme, insert).has_value());
  }
  std::unique_ptr<Reader> open_reader() { return store_->open_reader(); }
  std::shared_ptr<TenantGate> gate(Reader& reader) { return gates_.find(acme, reader); }

 private:
  TestFolder folder_;
  TenantGates gates_{600};
  std::unique_ptr<Store> store_;
};

bool rules_out(TenantGate& gate, const Bytes<32>& id, Reader& reader) {
  return gate.rules_out({std::span(&id, 1)}, reader);
}

TEST_CASE("what was revoked is never ruled out, and what was not is, as soon as all revocations are learned") {
  World world;
  const auto reader = world.open_reader();
  const auto gate = world.gate(*reader);
  CHECK(rules_out(*gate, id_of(0), *reader));
  world.revoke(0, 1);
  CHECK_FALSE(rules_out(*gate, id_of(0), *reader));
  CHECK(rules_out(*gate, id_of(1), *reader));
  // More than one call learns: until then it says of nothing that it is not revoked.
  const std::int64_t many = 2 * KnownRevocations::learned_at_once + 1;
  world.revoke(1, many);
  CHECK_FALSE(rules_out(*gate, id_of(many + 1), *reader));
  CHECK_FALSE(rules_out(*gate, id_of(many + 1), *reader));
  CHECK(rules_out(*gate, id_of(many + 1), *reader));
  for (std::int64_t i = 0; i <= many; ++i) REQUIRE_FALSE(rules_out(*gate, id_of(i), *reader));
  CHECK(gate->rules_out({}, *reader));
  const std::vector good{id_of(-1), id_of(-2)}, mixed{id_of(-1), id_of(7)};
  CHECK(gate->rules_out({good, good}, *reader));
  CHECK_FALSE(gate->rules_out({good, mixed}, *reader));
}

TEST_CASE("who knows less than was recorded rules nothing out; without room too, and room is given back") {
  World world;
  const auto reader = world.open_reader();
  world.revoke(0, 2);
  const auto room = std::make_shared<RevocationRoom>(KnownRevocations::learned_at_once);
  const Bytes<32> good = id_of(5);
  const auto ask = [&](KnownRevocations& known, std::int64_t recorded) {
    return known.rule_out(acme, recorded, {std::span(&good, 1)}, *reader);
  };
  {
    KnownRevocations first(room), second(room);
    CHECK(ask(first, 2));
    CHECK_FALSE(ask(second, 2));  // the first has taken some
    CHECK_FALSE(ask(first, KnownRevocations::revocations_max + 1));
    CHECK(ask(second, 2));  // the first has forgotten all
  }
  KnownRevocations third(room), fourth(std::make_shared<RevocationRoom>());
  CHECK(ask(third, 2));
  // Counted and not found: a row that was lost is no reason to let anybody in.
  CHECK_FALSE(ask(fourth, 3));
  CHECK_FALSE(ask(fourth, 3));
  CHECK(ask(fourth, 2));
}

TEST_CASE("threads that ask while others revoke never rule out what was answered for before they asked") {
  World world;
  constexpr std::int64_t revocations = 400;
  std::atomic<std::int64_t> answered = 0;
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&, thread] {
        const auto reader = world.open_reader();
        const auto gate = world.gate(*reader);
        SeededRandom random(thread);
        for (std::int64_t before = 0; before < revocations;) {
          before = answered.load();
          if (before == 0) continue;
          // The last that was answered for, and any other.
          const auto other = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(before)));
          if (rules_out(*gate, id_of(before - 1), *reader) || rules_out(*gate, id_of(other), *reader)) ++wrong;
        }
        if (!rules_out(*gate, id_of(revocations), *reader)) ++wrong;
      });
    }
    for (std::int64_t i = 0; i < revocations; ++i) {
      world.revoke(i, 1);
      answered = i + 1;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace cadastre

// Which sessions are lost with a platform administrator's token, and how often they are looked for.
#include "service/lost_sessions.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "service/session_token.h"
#include "service/sessions.h"
#include "base/test_folder.h"
#include "store/sqlite/sqlite_store.h"

namespace cadastre {
namespace {

const Instant noon = instant_from_s(1'800'000'000);
const TenantId acme = TenantId::parse("acme").value();
const TenantId zeta = TenantId::parse("zeta").value();

struct World {
  TestFolder folder;
  std::unique_ptr<Store> store = open_sqlite_store({.directory = folder / "store"});
  std::unique_ptr<Reader> reader = store->open_reader();
  LostSessions lost;

  World() {
    for (const TenantId& id : {TenantId::platform(), acme, zeta}) {
      write(id, [&](Tx& tx) { tx.insert(Tenant{.id = id, .created_at = noon}); });
    }
  }

  template <class Body>
  void write(const TenantId& id, Body body) {
    REQUIRE(transact(*store, id, [&](Tx& tx) -> Result<int> { return body(tx), 0; }).has_value());
  }

  /// A session of the tenant's, of a token whose root lies in `home`, of those rids, its own first.
  void open(const TenantId& tenant, std::uint8_t number, const TenantId& home, std::vector<RevocationId> rids,
            std::size_t elements, std::int64_t generation = 1) {
    Caller caller{.tenant = tenant,
                  .home = home,
                  .scope = Scope::tenant_admin(),
                  .token_id = "t",
                  .rids = rids,
                  .elements = elements,
                  .expires_at = noon + std::chrono::hours(24)};
    caller.key_thumbprints.resize(rids.size(), Bytes<32>{number});
    write(tenant, [&](Tx& tx) {
      tx.put(Session{.tenant = tenant,
                     .id = {number},
                     .token_id = "t",
                     .scope = "service:tenant-admin",
                     .grant = encode_grant(caller),
                     .rids = caller.rids,
                     .keys = caller.key_thumbprints,
                     .generation = generation,
                     .opened_at = noon,
                     .seen_at = noon,
                     .expires_at = noon + std::chrono::hours(8)});
    });
  }

  void revoke(const TenantId& tenant, RevocationKind kind, const Bytes<32>& id) {
    write(tenant, [&](Tx& tx) {
      tx.insert(Revocation{.tenant = tenant, .kind = kind, .id = id, .revoked_at = noon, .expires_at = noon});
    });
  }

  /// What one turn finds, by number.
  std::string turn(std::size_t limit = 1000) {
    std::string numbers;
    for (const Session& each : lost.next(*reader, limit)) numbers += fmt::format("{} ", int{each.id[0]});
    return numbers;
  }
};

TEST_CASE("a session is lost in a tenant's namespace when what it hangs from is revoked in the platform's") {
  const TenantId platform = TenantId::platform();
  const RevocationId admin{1}, other{2}, link{3}, sub{4}, own{5};
  World world;
  world.open(acme, 10, platform, {link, admin}, 2);
  world.open(acme, 11, platform, {link, other}, 2);
  world.open(acme, 12, acme, {own}, 1);
  world.open(zeta, 13, zeta, {sub, admin}, 1);  // issued under it
  world.open(zeta, 14, platform, {link, other}, 2);
  world.open(platform, 15, platform, {admin}, 1);
  CHECK(world.turn() == "");
  world.revoke(zeta, RevocationKind::token, admin);  // a tenant's revocation of the platform's token is none
  CHECK(world.turn() == "");
  world.revoke(platform, RevocationKind::token, admin);
  CHECK(world.turn() == "10 13 ");
  CHECK(world.turn() == "");
  world.revoke(platform, RevocationKind::key, Bytes<32>{12});  // of a token that does not hang from the platform
  CHECK(world.turn() == "10 13 ");
  world.revoke(platform, RevocationKind::key, Bytes<32>{14});
  CHECK(world.turn() == "10 13 14 ");
  world.write(platform, [&](Tx& tx) {
    Tenant row = *tx.tenant(TenantId::platform());
    ++row.generation;
    tx.update(row);
  });
  CHECK(world.turn() == "10 11 13 14 ");
}

TEST_CASE("a walk goes on where it was, and what is revoked meanwhile is looked for afterwards") {
  const TenantId platform = TenantId::platform();
  World world;
  for (std::uint8_t number = 10; number < 15; ++number)
    world.open(acme, number, platform, {RevocationId{9}, RevocationId{number}}, 2);
  world.revoke(platform, RevocationKind::token, RevocationId{10});
  world.revoke(platform, RevocationKind::token, RevocationId{14});
  CHECK(world.turn(2) == "10 ");
  world.revoke(platform, RevocationKind::token, RevocationId{11});
  CHECK(world.turn(2) == "");
  CHECK(world.turn(2) == "14 ");
  CHECK(world.turn(2) == "10 11 ");
  world.lost.begin_again();
  CHECK(world.turn(2) == "");
  CHECK(world.turn(2) == "14 ");
  CHECK(world.turn() == "10 11 14 ");
  CHECK(world.turn() == "");
}

TEST_CASE("a lost session ends once, and by its time when that was over before") {
  World world;
  world.open(acme, 10, TenantId::platform(), {RevocationId{9}, RevocationId{1}}, 2);
  world.open(acme, 11, TenantId::platform(), {RevocationId{9}, RevocationId{1}}, 2);
  world.write(acme, [](Tx& tx) {
    const Instant later = noon + std::chrono::minutes(90);
    CHECK(drop_lost_session(tx, acme, SessionId{10}, later));
    CHECK(!drop_lost_session(tx, acme, SessionId{10}, later));
    CHECK(drop_lost_session(tx, acme, SessionId{11}, noon + std::chrono::hours(9)));
  });
  const auto leaves = world.store->open_reader()->leaves(acme, {});
  REQUIRE(leaves.size() == 2);
  CHECK(leaves[0].bytes.find(R"("duration_s":5400,"reason":"token_revoked")") != std::string::npos);
  CHECK(leaves[0].bytes.find(R"("actor":{"kind":"system",)") != std::string::npos);
  CHECK(leaves[1].bytes.find(R"("duration_s":28800,"reason":"expired")") != std::string::npos);
}

}  // namespace
}  // namespace cadastre

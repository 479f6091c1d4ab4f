// What a replica answers that has heard nothing of the others (TOKENS.md section 10).
#include <doctest/doctest.h>

#include "service/revocations.h"
#include "tests/replicas/world.h"

namespace cadastre {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view vm_order = R"({"vm_type":"small","ram_mb":512,"vcpu_count":1})";

/// What the others do that makes the token worthless.
using Revoke = Result<bool> (*)(Tx& tx, SharedWorld& world);

Result<bool> revoke_all(Tx& tx, SharedWorld& world) {
  TRY(revoke_generation(tx, world.services, world.platform(), world.acme));
  return true;
}

Result<bool> revoke_one(Tx& tx, SharedWorld& world) {
  const auto tokens = tx.tokens(world.acme, {});
  TRY(revoke_token(tx, world.services, world.platform(), world.acme, encode_base64url(tokens.front().id)));
  return true;
}

TEST_CASE("after five seconds without news the store is asked for each request, and before that for none") {
  for (const Revoke revoke : {revoke_all, revoke_one}) {
    SharedWorld world(1'000);
    QuietStore quiet(*world.store);
    const SharedReplica replica(world, world.budgets, quiet);
    const auto status = [&](const std::string& answer) { return answer.substr(9, 3); };
    CHECK(status(replica.ask("GET", "/v1/status")) == "200");
    REQUIRE(transact(*world.store, world.acme, [&](Tx& tx) { return revoke(tx, world); }));

    // Whoever asked the store would know of it; a change always does.
    for (const int age : {0, 4'000, 5'000}) {
      quiet.age = milliseconds(age);
      for (int i = 0; i < 5; ++i) CHECK(status(replica.ask("GET", "/v1/status")) == "200");
      CHECK(status(replica.ask("POST", "/v1/vms", std::string(vm_order))) == "401");
    }
    quiet.age = milliseconds(5'001);
    CHECK(status(replica.ask("GET", "/v1/status")) == "401");
    quiet.age = milliseconds(6'000);
    CHECK(status(replica.ask("GET", "/v1/status")) == "401");
  }
}

}  // namespace
}  // namespace cadastre

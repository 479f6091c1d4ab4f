// The shared rate over HTTP: a request that finds no slice waits and goes on in its own thread.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "service/revocations.h"
#include "tests/replicas/world.h"

namespace cadastre {
namespace {

using std::chrono::milliseconds;

/// The value of the header as a number; -1 when it is not there.
int header(const std::string& answer, const std::string& name) {
  const auto at = answer.find(name);
  return at == std::string::npos ? -1 : std::stoi(answer.substr(at + name.size()));
}

TEST_CASE("two servers on one store answer together as many requests as the limit allows") {
  SharedWorld world(100);
  const SharedReplica one(world, world.budgets);
  const SharedReplica other(world, world.budgets);
  std::atomic<int> good = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 50; ++i) {
        const std::string answer = ((caller + i) % 2 == 0 ? one : other).ask("GET", "/v1/status");
        const bool has_rate =
            header(answer, "RateLimit-Policy: \"tenant\";q=") == 100 && header(answer, "RateLimit: \"tenant\";r=") >= 0;
        const int retry = header(answer, "Retry-After: ");
        if (answer.starts_with("HTTP/1.1 200 ") && has_rate)
          ++good;
        else if (answer.starts_with("HTTP/1.1 429 ") && has_rate && 1 <= retry && retry <= 71)
          ++refused;
        else
          ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(good <= 100);
  CHECK(good >= 95);
  CHECK(good + refused == 200);
  CHECK(wrong == 0);
}

TEST_CASE("a change that had to wait for its rate is made") {
  SharedWorld world(100);
  const SharedReplica replica(world, world.budgets);
  const std::string answer = replica.ask("POST", "/v1/vms", R"({"vm_type":"small","ram_mb":512,"vcpu_count":1})");
  CHECK(answer.starts_with("HTTP/1.1 201 "));
  CHECK(header(answer, "RateLimit: \"tenant\";r=") == 99);
  CHECK(replica.leases.figures().waited == 1);
}

TEST_CASE("while the budgets cannot be asked the answer is 503 without a rate, and afterwards as before") {
  SharedWorld world(100);
  const SharedReplica replica(world, world.budgets);
  world.budgets.set_reachable(false);
  const std::string refused = replica.ask("GET", "/v1/status");
  CHECK(refused.starts_with("HTTP/1.1 503 "));
  CHECK(refused.find("\"UNAVAILABLE\"") != std::string::npos);
  CHECK(header(refused, "Retry-After: ") >= 1);
  CHECK(refused.find("RateLimit") == std::string::npos);
  world.budgets.set_reachable(true);
  std::string answer;
  do {
    answer = replica.ask("GET", "/v1/status");
  } while (answer.starts_with("HTTP/1.1 503 "));
  CHECK(answer.starts_with("HTTP/1.1 200 "));
}

TEST_CASE("what was revoked or suspended while a request waited binds it") {
  SharedWorld world(100);
  HeldBudgets held(world.budgets);
  const SharedReplica replica(world, held);
  held.hold(true);
  http::TestSocket socket(replica.server.ports().front());
  socket.send(replica.request("GET", "/v1/status"));
  held.wait_until_asked();
  const auto revoked = transact(*world.store, world.acme, [&](Tx& tx) -> Result<bool> {
    TRY(revoke_generation(tx, world.services, world.platform(), world.acme));
    return true;
  });
  REQUIRE(revoked);
  held.hold(false);
  CHECK(socket.receive_all().starts_with("HTTP/1.1 401 "));
}

TEST_CASE("a server that stops cuts off who still waits for a rate, and is not harmed by the late decision") {
  SharedWorld world(100);
  HeldBudgets held(world.budgets);
  std::optional<SharedReplica> replica(std::in_place, world, held);
  held.hold(true);
  http::TestSocket socket(replica->server.ports().front());
  socket.send(replica->request("GET", "/v1/status"));
  held.wait_until_asked();
  CHECK_FALSE(replica->server.stop(milliseconds(10)));
  held.hold(false);
  replica->leases.stop();
  replica->is_stopped = true;
  replica.reset();
}

TEST_CASE("a store that fails in the middle of a request is told, and does no other harm") {
  SharedWorld world(100);
  const SharedReplica replica(world, world.budgets);
  CHECK(replica.ask("GET", "/v1/status").starts_with("HTTP/1.1 200 "));
  world.clock.fails = true;
  CHECK(replica.ask("GET", "/v1/status").starts_with("HTTP/1.1 503 "));
  world.clock.fails = false;
  CHECK(replica.ask("GET", "/v1/status").starts_with("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace cadastre

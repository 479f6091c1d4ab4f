#include "store/postgresql/session.h"

#include <doctest/doctest.h>

#include <set>

#include "store/postgresql/test_proxy.h"

namespace cadastre::postgresql {
namespace {

TEST_CASE("a pool keeps as many sessions as were used at once, however many threads there are") {
  SessionPool pool(std::make_shared<Target>("postgresql:///none"), patience_of_requests);
  std::set<const Session*> first, again;
  for (std::set<const Session*>* const turn : {&first, &again}) {
    std::vector<std::unique_ptr<Session>> taken;
    for (int thread = 0; thread < 64; ++thread) turn->insert(taken.emplace_back(pool.take()).get());
    for (auto& session : taken) pool.give_back(std::move(session));
  }
  CHECK(first.size() == 64);
  CHECK(again == first);
}

TEST_CASE("a connection that is ended while it is being made is made again, and nobody is refused for it") {
  const TestSchema schema;
  TestProxy proxy;
  const auto target = std::make_shared<Target>(proxy.url(schema));
  Session session(target);
  proxy.end_at("SHOW server_encoding");
  CHECK(session.connection().text("SELECT 1") == "1");
  CHECK(proxy.cuts() == 1);
  CHECK(!target->reachability.refusal(Reachability::Asker::anyone));
}

TEST_CASE("after a second failure the others are refused, with its reason, for a pause") {
  const auto target = std::make_shared<Target>("postgresql:///none?host=/nonexistent");
  CHECK_THROWS_AS(Session(target).connection(), Failure);
  CHECK(target->reachability.refusal(Reachability::Asker::anyone));
}

}  // namespace
}  // namespace cadastre::postgresql

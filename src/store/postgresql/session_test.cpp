#include "store/postgresql/session.h"

#include <doctest/doctest.h>

#include <set>

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

}  // namespace
}  // namespace cadastre::postgresql

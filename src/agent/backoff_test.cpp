#include "agent/backoff.h"

#include <doctest/doctest.h>

namespace cadastre {

TEST_CASE("waits double up to the longest, each between half and all of it, and begin anew after a success") {
  using std::chrono::milliseconds;
  SeededRandom random(7);
  for (int life = 0; life < 20; ++life) {
    Backoff backoff;
    for (const int whole_ms : {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000}) {
      const milliseconds wait = backoff.draw(random);
      CHECK(wait >= milliseconds(whole_ms / 2));
      CHECK(wait <= milliseconds(whole_ms));
    }
    backoff.reset();
    CHECK(backoff.draw(random) <= milliseconds(1000));
  }
}

}  // namespace cadastre

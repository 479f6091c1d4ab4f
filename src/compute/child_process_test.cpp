#include "compute/child_process.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

using namespace std::chrono_literals;

std::string refusal_of(const Result<std::string>& outcome) { return outcome ? std::string() : outcome.error().detail; }

TEST_CASE("a program gets its arguments as they are, and no shell sees them") {
  const SystemClock clock;
  CHECK(run_program({"echo", "-n", "$HOME;`id`", "a b", "'\""}, 10s, clock).value() == "$HOME;`id` a b '\"");
  CHECK(run_program({"cat"}, 10s, clock).value().empty());  // there is nothing to read
}

TEST_CASE("a program that fails is refused in its own words") {
  const SystemClock clock;
  CHECK(refusal_of(run_program({"cat", "/nowhere"}, 10s, clock)).find("No such file") != std::string::npos);
  CHECK(refusal_of(run_program({"cadastre-no-such-program"}, 10s, clock)).find("could not be started") !=
        std::string::npos);
}

TEST_CASE("a program that takes too long is ended") {
  const SystemClock clock;
  CHECK(refusal_of(run_program({"sleep", "3600"}, 50ms, clock)).find("ended after 50 ms") != std::string::npos);
}

TEST_CASE("no more is kept of a long output than the bound") {
  const SystemClock clock;
  const auto output = run_program({"head", "-c", "200000", "/dev/zero"}, 10s, clock);
  REQUIRE(output);
  CHECK(output->size() == 65536);
}

}  // namespace
}  // namespace cadastre

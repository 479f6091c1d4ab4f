#include "compute/machine.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

TEST_CASE("the kernel's files are read as proc(5) describes them") {
  const auto times = parse_processor_times("cpu  10 20 30 400 50 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
  REQUIRE(times);
  CHECK(times->busy == 81);
  CHECK(times->total == 531);
  for (const auto* text : {"", "cpu0 1 2 3 4 5 6 7 8", "cpu  1 2 3 4 5 6 7", "cpu  1 2 x"}) {
    CHECK(!parse_processor_times(text));
  }
  const auto* const memory = "MemTotal:       24683520 kB\nMemFree:        20000000 kB\nMemAvailable:   22000000 kB\n";
  CHECK(parse_meminfo(memory, "MemTotal") == Mebibytes{24105});
  CHECK(parse_meminfo(memory, "MemAvailable") == Mebibytes{21484});
  CHECK(!parse_meminfo(memory, "Available"));
}

TEST_CASE("load is the busy share of the time between two looks") {
  CHECK(load_pct({100, 1000}, {150, 1100}) == 50);
  CHECK(load_pct({0, 0}, {81, 531}) == 15);
  CHECK(load_pct({100, 1000}, {100, 1000}) == 0);
  CHECK(load_pct({100, 1000}, {90, 1100}) == 0);  // counters of a processor that was taken away
}

TEST_CASE("this machine has memory, a core and a disk") {
  Machine machine;
  const auto capacity = machine.capacity("/");
  CHECK(capacity.ram_total > capacity.ram_used);
  CHECK(capacity.cores.value >= 1);
  CHECK(capacity.disk_total >= capacity.disk_used);
  CHECK(capacity.load_pct >= 0);
  CHECK(capacity.load_pct <= 100);
}

}  // namespace
}  // namespace cadastre

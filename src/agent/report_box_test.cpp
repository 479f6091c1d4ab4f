#include "agent/report_box.h"

#include <doctest/doctest.h>

#include "agent/test_world.h"

namespace cadastre {
namespace {

constexpr Tick start{std::chrono::hours(1)};

GuestReport report_of(int number, ReportedState state) {
  return {.vm = test_vm(number), .generation = 1, .state = state, .error = {}, .host_ports = {}};
}

}  // namespace

TEST_CASE("everything is told at first and each minute, and what changes at once") {
  ReportBox box;
  box.put(report_of(1, ReportedState::running));
  box.put(report_of(2, ReportedState::stopped));
  CHECK(box.due(start).size() == 2);
  CHECK(box.due(start).size() == 2);  // nobody heard it yet
  box.confirm(box.due(start), start);
  CHECK(box.due(start).empty());
  box.put(report_of(1, ReportedState::running));
  CHECK(box.due(start).empty());
  box.put(report_of(1, ReportedState::stopped));
  const auto due = box.due(start);
  REQUIRE(due.size() == 1);
  CHECK(due[0].vm == test_vm(1));
  box.confirm(due, start + std::chrono::seconds(1));
  CHECK(box.until_retelling(start + std::chrono::seconds(1)) == std::chrono::seconds(59));
  CHECK(box.due(start + std::chrono::seconds(59)).empty());
  CHECK(box.due(start + std::chrono::seconds(60)).size() == 2);
}

TEST_CASE("what changes while it is being told is told again") {
  ReportBox box;
  box.put(report_of(1, ReportedState::running));
  const auto sent = box.due(start);
  box.put(report_of(1, ReportedState::stopped));
  box.confirm(sent, start);
  const auto due = box.due(start);
  REQUIRE(due.size() == 1);
  CHECK(due[0].state == ReportedState::stopped);
}

TEST_CASE("of guests that nothing is wished of any more nothing is told") {
  ReportBox box;
  box.put(report_of(1, ReportedState::absent));
  box.put(report_of(2, ReportedState::running));
  box.keep_only({test_vm(2)});
  REQUIRE(box.due(start).size() == 1);
  CHECK(box.due(start)[0].vm == test_vm(2));
}

}  // namespace cadastre

#include "agent/guest_step.h"

#include <doctest/doctest.h>

#include <string>

#include "agent/test_world.h"

namespace cadastre {
namespace {

using enum GuestState;

constexpr Tick now{std::chrono::hours(1)};
constexpr Graces graces{.stop = std::chrono::seconds(30), .removal = std::chrono::seconds(5)};

struct Row {
  std::string_view name;
  GuestWish wish;
  std::int64_t wished;  // generation
  GuestState state;
  std::int64_t has;  // generation
  std::int64_t carried_out;
  int asked_s;  // seconds since it was asked to end; -1: never
  GuestVerb verb;
  std::optional<ReportedState> report;
};

GuestView view_of(const Row& row) {
  GuestView view{.carried_out = row.carried_out};
  if (row.state != absent)
    view.guest = Guest{.id = test_vm(1),
                       .tenant = *TenantId::parse("acme"),
                       .generation = row.has,
                       .state = row.state,
                       .reason = row.state == paused || row.state == failed ? "Its disk is full." : ""};
  if (row.asked_s >= 0) view.asked_to_end = now - std::chrono::seconds(row.asked_s);
  return view;
}

}  // namespace

TEST_CASE("the next step follows from the wish, the guest, and how long it was given") {
  using enum GuestVerb;
  constexpr auto run = GuestWish::run, stop = GuestWish::stop, erase = GuestWish::remove;
  constexpr auto nothing = std::nullopt;
  constexpr auto is_absent = ReportedState::absent, is_stopped = ReportedState::stopped,
                 is_running = ReportedState::running, is_failed = ReportedState::failed;
  const Row rows[] = {
      // name, wish, generation | guest, generation, carried out before, asked to end | step, report
      {"a new VM", run, 1, absent, 0, 0, -1, define_and_start, nothing},
      {"a VM that runs as wished", run, 1, running, 1, 0, -1, rest, is_running},
      {"one that powered itself off stays off", run, 1, stopped, 1, 1, -1, rest, is_stopped},
      {"one whose host started anew stays off", run, 1, stopped, 1, 0, -1, rest, is_stopped},
      {"one that vanished is not made anew", run, 1, absent, 0, 1, -1, rest, is_absent},
      {"a disk that is full", run, 1, paused, 1, 1, -1, rest, is_failed},
      {"stopped in the midst of its start", stop, 2, starting, 1, 1, -1, destroy, nothing},
      {"removed in the midst of its start", erase, 2, starting, 1, 1, -1, remove, nothing},
      {"a QEMU that ended", run, 1, failed, 1, 1, -1, rest, is_failed},
      {"started after it stopped", run, 2, stopped, 1, 1, -1, define_and_start, nothing},
      {"started after it failed", run, 2, failed, 1, 1, -1, define_and_start, nothing},
      {"started after it vanished", run, 2, absent, 0, 1, -1, define_and_start, nothing},
      {"a reboot", run, 2, running, 1, 1, -1, shut_down, nothing},
      {"a reboot that is on its way", run, 2, running, 1, 1, 29, rest, nothing},
      {"a reboot that is not heeded", run, 2, running, 1, 1, 30, destroy, nothing},
      {"a reboot of one that cannot hear", run, 2, paused, 1, 1, -1, destroy, nothing},
      {"a stop", stop, 2, running, 1, 1, -1, shut_down, nothing},
      {"a stop that is on its way", stop, 2, running, 1, 1, 0, rest, nothing},
      {"a stop that is not heeded", stop, 2, running, 1, 1, 31, destroy, nothing},
      {"a stop of one that cannot hear", stop, 2, paused, 1, 1, -1, destroy, nothing},
      {"a stop that has come about", stop, 2, stopped, 1, 1, 3, note_generation, nothing},
      {"a stop that was noted", stop, 2, stopped, 2, 2, -1, rest, is_stopped},
      {"a stop of one that failed", stop, 2, failed, 1, 1, -1, note_generation, nothing},
      {"a stop of one that was started by hand", stop, 2, running, 2, 2, -1, shut_down, nothing},
      {"a stop of one that is not there", stop, 2, absent, 0, 0, -1, rest, is_absent},
      {"a deletion", erase, 2, running, 1, 1, -1, shut_down, nothing},
      {"a deletion that waits for the guest", erase, 2, running, 1, 1, 4, rest, nothing},
      {"a deletion that is not heeded", erase, 2, running, 1, 1, 5, remove, nothing},
      {"a deletion of one that stands still", erase, 2, stopped, 1, 1, -1, remove, nothing},
      {"a deletion of one that failed", erase, 2, failed, 1, 1, -1, remove, nothing},
      {"a deletion of one that cannot hear", erase, 2, paused, 1, 1, -1, remove, nothing},
      {"a deletion that is done", erase, 2, absent, 0, 1, -1, rest, is_absent},
      {"a wish to run that was overtaken", run, 1, running, 2, 2, -1, rest, nothing},
      {"a wish to stop that was overtaken", stop, 1, running, 2, 2, -1, rest, nothing},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    WishedGuest wish = test_wish(1, row.wish, row.wished);
    const GuestStep step = next_step(wish, view_of(row), graces, now);
    CHECK(step.verb == row.verb);
    CHECK(step.report.has_value() == row.report.has_value());
    if (!step.report || !row.report) continue;
    CHECK(step.report->state == *row.report);
    CHECK(step.report->generation == row.wished);
    CHECK(step.report->error == (row.report == is_failed ? "Its disk is full." : ""));
  }
}

TEST_CASE("a guest that ends by itself is looked at again when its time is over") {
  GuestView view{.guest =
                     Guest{.id = test_vm(1), .tenant = *TenantId::parse("acme"), .generation = 1, .state = running}};
  view.asked_to_end = now - std::chrono::seconds(10);
  CHECK(next_step(test_wish(1, GuestWish::stop, 2), view, graces, now).again_at == now + std::chrono::seconds(20));
  CHECK(next_step(test_wish(1, GuestWish::stop, 2), view, {.stop = {}, .removal = {}}, now).verb == GuestVerb::destroy);
}

TEST_CASE("files without a guest are removed before it is absent") {
  const GuestView view{.has_leftovers = true};
  CHECK(next_step(test_wish(1, GuestWish::remove, 2), view, graces, now).verb == GuestVerb::remove);
}

TEST_CASE("a start that was cut off is begun again, and one that was completed is not") {
  GuestView view{.guest =
                     Guest{.id = test_vm(1), .tenant = *TenantId::parse("acme"), .generation = 2, .state = stopped}};
  view.begun = 2;
  CHECK(next_step(test_wish(1, GuestWish::run, 2), view, graces, now).verb == GuestVerb::define_and_start);
  view.guest->state = running;
  CHECK(next_step(test_wish(1, GuestWish::run, 2), view, graces, now).report->state == ReportedState::running);
  view.guest->state = stopped;
  view.begun = 1;
  CHECK(next_step(test_wish(1, GuestWish::run, 2), view, graces, now).report->state == ReportedState::stopped);
}

TEST_CASE("a running guest is reported with its ports") {
  GuestView view{.guest = Guest{.id = test_vm(1),
                                .tenant = *TenantId::parse("acme"),
                                .generation = 1,
                                .state = running,
                                .host_ports = {{40001, 22, "tcp"}}}};
  const auto step = next_step(test_wish(1, GuestWish::run, 1), view, graces, now);
  REQUIRE(step.report->host_ports.size() == 1);
  CHECK(step.report->host_ports[0].host_port == 40001);
}

TEST_CASE("a failure's sentence is printable UTF-8 of 1 to 500 bytes, whatever the hypervisor said") {
  const WishedGuest wish = test_wish(1, GuestWish::run, 1);
  const auto shown = [&](const std::string& text) { return failure_report(wish, text).error; };
  CHECK(shown("no such file") == "no such file");
  CHECK(shown("Größe: 5 €") == "Größe: 5 €");
  CHECK(shown("a\nb\x1b[31m\x7f") == "a b [31m ");
  CHECK(shown("\xff\xc3(") == "  (");
  CHECK(shown("") == "The hypervisor gave no reason.");
  CHECK(shown("\n") == "The hypervisor gave no reason.");
  CHECK(shown(std::string(800, 'x')).size() == 500);
  CHECK(shown(std::string(499, 'x') + "é") == std::string(499, 'x'));
}

TEST_CASE("a start that was cut off after its wish was carried out is told as a failure") {
  GuestView view{
      .guest = Guest{.id = test_vm(1), .tenant = *TenantId::parse("acme"), .generation = 1, .state = starting},
      .carried_out = 1};
  view.starting_since = now - start_patience + std::chrono::seconds(1);
  const GuestStep early = next_step(test_wish(1, GuestWish::run, 1), view, graces, now);
  CHECK(early.verb == GuestVerb::rest);
  CHECK(!early.report);
  CHECK(early.again_at == now + std::chrono::seconds(1));
  view.starting_since = now - start_patience;
  const GuestStep late = next_step(test_wish(1, GuestWish::run, 1), view, graces, now);
  CHECK(late.verb == GuestVerb::rest);
  REQUIRE(late.report);
  CHECK(late.report->state == ReportedState::failed);
  CHECK(late.report->error == "The guest was never let run: its start was cut off on the node.");
}

}  // namespace cadastre

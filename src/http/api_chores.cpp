// What the API does now and then, whatever is asked: logs written, refusals summed up, ended sessions taken away,
// counts of ended tokens forgotten.
#include "base/log.h"
#include "http/api.h"
#include "service/caveat_charges.h"
#include "service/events.h"
#include "service/sessions.h"

namespace cadastre::http {
namespace {

/// Queues a session's end; false when the register takes no more now.
bool submit_end(Store& store, const Session& session, bool (*end)(Tx&, const TenantId&, const SessionId&, Instant),
                Instant now) {
  return store.submit({.tenant = session.tenant,
                       .body = [tenant = session.tenant, id = session.id, end,
                                now](Tx& tx) { return end(tx, tenant, id, now) ? Verdict::commit : Verdict::drop; },
                       .done = [](const std::exception_ptr&) {}});
}

}  // namespace

void Api::keep_house() {
  for (const auto& own : threads_) {
    std::string lines;
    {
      const std::scoped_lock lock(own->log_mutex);
      lines.swap(own->log);
    }
    log::write_lines(lines);
  }
  parts_.gates.sweep(parts_.services.clock.tick());
}

void Api::record_refusals() {
  parts_.gates.each([this](TenantGate& gate) {
    const auto refusals = gate.take_refusals();
    if (gate.id().is_platform() || gate.state() == TenantState::deleted) return;
    EventValue::Object counts;
    for (std::size_t i = 0; i < refusals.size(); ++i) {
      if (refusals[i] > 0) counts.emplace_back(name_of(counted_refusals[i]), std::int64_t{refusals[i]});
    }
    if (counts.empty()) return;
    const Event event{.type = EventType::requests_refused,
                      .tenant = gate.id(),
                      .actor = {.kind = "system"},
                      .request_id = "",
                      .data = {{"counts", std::move(counts)}}};
    Change change{.tenant = gate.id(),
                  .body =
                      [this, event](Tx& tx) {
                        tx.append(event, parts_.services.clock.now());
                        return Verdict::commit;
                      },
                  .done = [](const std::exception_ptr&) {}};
    try {
      if (parts_.store.submit(std::move(change))) return;
      log::warn("refusals could not be recorded: the tenant's queue is full", {{"tenant_id", gate.id().text()}});
    } catch (const StoreFailure& failure) {
      log::warn("refusals could not be recorded", {{"tenant_id", gate.id().text()}, {"reason", failure.what()}});
    }
  });
}

void Api::close_ended_sessions() {
  constexpr std::size_t sessions_a_turn = 1000;
  const Instant now = parts_.services.clock.now();
  try {
    const auto reader = parts_.store.open_reader();
    for (const Session& session : reader->ended_sessions(now, sessions_a_turn)) {
      if (now < sweep_time(session)) continue;
      if (!submit_end(parts_.store, session, sweep_session, now)) break;  // the next turn finds it again
    }
    for (const Session& session : lost_sessions_.next(*reader, sessions_a_turn)) {
      if (!submit_end(parts_.store, session, drop_lost_session, now)) lost_sessions_.begin_again();
    }
  } catch (const StoreFailure& failure) {
    lost_sessions_.begin_again();
    log::warn("ended sessions could not be taken away; it is tried again", {{"reason", failure.what()}});
  }
}

void Api::forget_charges() {
  try {
    cadastre::forget_charges(parts_.store, parts_.services.clock.now());
  } catch (const StoreFailure& failure) {
    log::warn("what ended tokens have used could not be forgotten; it is tried again", {{"reason", failure.what()}});
  }
}

}  // namespace cadastre::http

#include "http/api.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "http/idempotency.h"
#include "http/query.h"
#include "service/caveat_charges.h"
#include "service/events.h"

namespace cadastre::http {
namespace {

/// A request id from outside is taken when nobody can be harmed by finding it in a log (DESIGN.md section 4.2).
bool is_sane_request_id(std::string_view id) {
  const auto allowed = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == ':';
  };
  return !id.empty() && id.size() <= 128 && std::ranges::all_of(id, allowed);
}

void append_rate(std::string& headers, const RateDecision& rate) {
  json::append_integer(headers += "RateLimit-Policy: \"tenant\";q=", rate.limit);
  json::append_integer(headers += ";w=60\r\nRateLimit: \"tenant\";r=", rate.remaining);
  json::append_integer(headers += ";t=", rate.reset_s);
  headers += "\r\n";
}

std::unexpected<Refusal> store_refusal(const char* detail) {
  return std::unexpected(Refusal{.code = Code::unavailable, .subject = "store", .detail = detail, .retry_after_s = 5});
}

std::unexpected<Refusal> refuse_in_flight() {
  return std::unexpected(
      Refusal{.code = Code::idempotency_in_flight,
              .subject = "Idempotency-Key",
              .detail = "The first request with this Idempotency-Key is not answered yet; repeat it in a moment."});
}

std::vector<std::string> operation_names() {
  std::vector<std::string> names;
  for (const Route& route : routes()) names.emplace_back(route.operation);
  return names;
}

/// A misspelt parameter must not be ignored, no more than a misspelt member.
Result<void> check_parameters(const Route& route, const Request& request) {
  if (request.query().empty()) return {};
  return TRY(Query::parse(request.query())).only(route.parameters);
}

std::size_t index_of(const Route* route, const RequestMetrics& metrics) {
  return route == nullptr ? metrics.unrouted() : static_cast<std::size_t>(route - routes().data());
}

}  // namespace

/// A request on its way; a change outlives the call that brought it.
struct Api::Exchange {
  Exchange(Request&& asked, Responder&& way_back) : request(std::move(asked)), responder(std::move(way_back)) {}
  Request request;
  Responder responder;
  Match match;
  std::string request_id;
  Stopwatch watch;
  Authentication who;
  std::optional<Caller> caller;      ///< A change's own copy, with the request id.
  std::shared_ptr<TenantGate> gate;  ///< Of a caller without a token, whom `who` does not know.
  TenantId tenant = TenantId::platform();
  std::optional<Tick> news_deadline;       ///< Of a read that waits for news.
  std::optional<KeysInFlight::Hold> hold;  ///< Of its Idempotency-Key, until it is answered.
  std::optional<Result<Response>> outcome;

  const Caller& asking() const { return caller ? *caller : who.known->caller; }
};

Api::Api(ApiParts parts, unsigned io_threads)
    : parts_(std::move(parts)),
      metrics_(operation_names(), io_threads + 1),
      waiting_(parts_.services.clock, parts_.store.feed_is_exact()) {
  for (unsigned i = 0; i <= io_threads; ++i) {
    threads_.push_back(std::make_unique<ThreadState>());
    threads_.back()->reader = parts_.store.open_reader();
  }
}

Api::~Api() = default;

std::string Api::draw_request_id() {
  Bytes<16> id;
  parts_.services.random.fill(id);
  return encode_hex(id);
}

void Api::handle(Request request, Responder responder, unsigned io_thread) {
  if (!parts_.trusted_proxies.is_empty()) request.peer = client_address(request, parts_.trusted_proxies);
  auto exchange = std::make_shared<Exchange>(std::move(request), std::move(responder));
  const auto id = exchange->request.header("x-request-id");
  exchange->request_id = id && is_sane_request_id(*id) ? std::string(*id) : draw_request_id();
  exchange->match = find_route(exchange->request.method(), exchange->request.path());
  try {
    const Route* const route = exchange->match.route;
    if (route == nullptr) return refuse_unrouted(*exchange, io_thread);
    if (const auto* open = std::get_if<OpenHandler>(&route->handler)) return answer_open(*exchange, *open, io_thread);
    if (const auto* proved = std::get_if<ProvedHandler>(&route->handler))
      return answer_proved(std::move(exchange), *proved, io_thread);
    answer_authenticated(exchange, io_thread);
  } catch (const std::exception&) {
    finish_failed(*exchange, std::current_exception(), io_thread);
  }
}

std::optional<Refusal> Api::spend_address_rate(const Exchange& exchange) {
  const auto rate = parts_.authenticator.addresses().admit(exchange.request.peer, parts_.services.clock.tick());
  if (rate.admitted) return std::nullopt;
  return rate_refusal(rate, "an address without a good credential");
}

void Api::refuse_unrouted(Exchange& exchange, unsigned io_thread) {
  if (auto refusal = spend_address_rate(exchange)) return finish(exchange, std::unexpected(*refusal), io_thread);
  if (exchange.match.allow.empty())
    return finish(exchange, cadastre::refuse(Code::not_found, "path", "There is no such path."), io_thread);
  finish(exchange,
         cadastre::refuse(Code::method_not_allowed, "method", "This path allows " + exchange.match.allow + "."),
         io_thread);
}

void Api::answer_open(Exchange& exchange, const OpenHandler& handler, unsigned io_thread) {
  const std::string_view operation = exchange.match.route->operation;
  const bool is_watching = operation.starts_with("health.") || operation == "metrics.get";
  if (!is_watching) {
    if (auto refusal = spend_address_rate(exchange)) return finish(exchange, std::unexpected(*refusal), io_thread);
  }
  finish(exchange, handler(*this, exchange.request, exchange.match.path, io_thread), io_thread);
}

/// The proof in the body stands in the place of a token; what it is worth is decided inside the transaction.
void Api::answer_proved(std::shared_ptr<Exchange> exchange, const ProvedHandler& handler, unsigned io_thread) {
  ThreadState& own = *threads_[io_thread];
  if (auto refusal = spend_address_rate(*exchange)) return finish(*exchange, std::unexpected(*refusal), io_thread);
  // For a stranger a tenant that is not there is one that waits for no proof.
  exchange->tenant = TenantId::parse(exchange->match.path[0]).value_or(TenantId::platform());
  exchange->gate = parts_.gates.find(exchange->tenant, *own.reader);
  if (exchange->gate == nullptr) exchange->gate = parts_.gates.find(TenantId::platform(), *own.reader);
  auto prover = handler.read(exchange->request, exchange->tenant);
  if (!prover) return finish(*exchange, std::unexpected(std::move(prover).error()), io_thread);
  exchange->caller = *std::move(prover);
  if (auto admitted = handler.admit(call_of(*exchange, &own), *own.reader); !admitted)
    return finish(*exchange, std::unexpected(std::move(admitted).error()), io_thread);
  submit_change(
      std::move(exchange),
      [this, change = handler.change](Exchange& own_exchange, Tx& tx) -> Result<Response> {
        const Call call = call_of(own_exchange, nullptr);
        return run_once(call, own_exchange.match.route->operation, tx, [&] { return change(call, tx); });
      },
      io_thread);
}

/// A platform administrator's read of a tenant's log is itself an entry of that log, once a minute: under a link that
/// narrowed the token to the tenant too.
bool Api::is_first_foreign_read(const Exchange& exchange) {
  const Caller& caller = exchange.asking();
  const std::string_view operation = exchange.match.route->operation;
  const bool is_of_ledger = operation.starts_with("tenant.ledger.") || operation.starts_with("ledger.");
  return is_of_ledger && caller.home.is_platform() && !exchange.tenant.is_platform() &&
         recorder_.is_first(caller.token_id, exchange.tenant, parts_.services.clock.now());
}

void Api::answer_authenticated(std::shared_ptr<Exchange> exchange, unsigned io_thread) {
  ThreadState& own = *threads_[io_thread];
  exchange->who = parts_.authenticator.authenticate(exchange->request, exchange->match, own.tokens, *own.reader);
  if (exchange->who.waiting) return wait_for_rate(std::move(exchange), io_thread);
  answer_admitted(std::move(exchange), io_thread);
}

/// The request goes on in its own thread when the store has said how many more the tenant may send.
void Api::wait_for_rate(std::shared_ptr<Exchange> exchange, unsigned io_thread) {
  CHECK_INVARIANT(parts_.rate_leases != nullptr);
  const auto gate = exchange->who.waiting->gate;
  const auto go_on = [this, exchange, io_thread](const RateDecision& rate) {
    try {
      exchange->who = parts_.authenticator.resume(std::move(exchange->who.waiting), rate, exchange->request,
                                                  exchange->match, *threads_[io_thread]->reader);
      answer_admitted(exchange, io_thread);
    } catch (const std::exception&) {
      finish_failed(*exchange, std::current_exception(), io_thread);
    }
  };
  parts_.rate_leases->wait(
      gate, [exchange, go_on](const RateDecision& rate) { exchange->responder.run([go_on, rate] { go_on(rate); }); });
}

void Api::answer_admitted(std::shared_ptr<Exchange> exchange, unsigned io_thread) {
  const Match& match = exchange->match;
  if (exchange->who.known) exchange->tenant = exchange->who.known->caller.tenant;
  if (exchange->who.refusal) return finish(*exchange, std::unexpected(*exchange->who.refusal), io_thread);
  if (const auto known = check_parameters(*match.route, exchange->request); !known)
    return finish(*exchange, std::unexpected(known.error()), io_thread);
  if (match.route->subject == Subject::path_tenant) {
    auto named = TenantId::parse(match.path[0]);
    if (!named)
      return finish(*exchange, cadastre::refuse(Code::not_found, "tenant", "There is no such tenant."), io_thread);
    exchange->tenant = *std::move(named);
  }
  note_use(*exchange);
  if (const auto* handler = std::get_if<ChangeHandler>(&match.route->handler)) {
    return submit_change(
        std::move(exchange),
        [this, handler = *handler](Exchange& own_exchange, Tx& tx) { return change(own_exchange, handler, tx); },
        io_thread);
  }
  if (counts_requests(exchange->asking())) return charge_read(std::move(exchange), io_thread);
  answer_read(std::move(exchange), io_thread);
}

/// Once a request is charged to caveats of its token, a refusal is kept too, as an answer: handlers decide before they
/// write, so nothing but the counters is.
Result<Response> Api::change(Exchange& exchange, const ChangeHandler& handler, Tx& tx) {
  const Call call = call_of(exchange, nullptr);
  const Instant now = parts_.services.clock.now();
  bool is_charged = false;
  TRY(readmit(tx, call.caller, now));
  auto outcome = run_once(call, exchange.match.route->operation, tx, [&]() -> Result<Response> {
    if (counts_requests(call.caller)) {
      TRY(charge_request(tx, call.caller, now));
      is_charged = true;
    }
    return handler(call, tx);
  });
  if (outcome || !is_charged) return outcome;
  return problem(outcome.error(), {exchange.request.path(), exchange.request_id, exchange.tenant.text()});
}

void Api::charge_read(std::shared_ptr<Exchange> exchange, unsigned io_thread) {
  exchange->caller = exchange->who.known->caller;
  const unsigned store_thread = static_cast<unsigned>(threads_.size() - 1);
  const auto go_on = [this, exchange, io_thread] {
    try {
      answer_read(exchange, io_thread);
    } catch (const std::exception&) {
      finish_failed(*exchange, std::current_exception(), io_thread);
    }
  };
  Change change{.tenant = exchange->tenant,
                .body =
                    [this, exchange](Tx& tx) {
                      const Instant now = parts_.services.clock.now();
                      const auto charge = [&]() -> Result<Response> {
                        TRY(readmit(tx, *exchange->caller, now));
                        TRY(charge_request(tx, *exchange->caller, now));
                        return Response();
                      };
                      exchange->outcome = charge();
                      return *exchange->outcome ? Verdict::commit : Verdict::drop;
                    },
                .done =
                    [this, exchange, go_on, store_thread](const std::exception_ptr& failure) {
                      if (failure) return finish_failed(*exchange, failure, store_thread);
                      if (!*exchange->outcome) return finish(*exchange, *std::move(exchange->outcome), store_thread);
                      exchange->responder.run(go_on);
                    },
                .further = places_charged(*exchange->caller, exchange->tenant)};
  submit(*exchange, std::move(change), io_thread);
}

/// A credential that was accepted, whatever becomes of the request. Once in a while, and without a lock in between.
void Api::note_use(const Exchange& exchange) {
  const KnownToken& known = *exchange.who.known;
  const Instant now = parts_.services.clock.now();
  if (now < known.noted_at + SeenTokens::told_every) return;
  known.noted_at = now;
  Caller caller = known.caller;
  caller.request_id = exchange.request_id;
  seen_.note(caller, now);
}

Call Api::call_of(const Exchange& exchange, ThreadState* own) {
  return {.request = exchange.request,
          .caller = exchange.asking(),
          .path = exchange.match.path,
          .services = parts_.services,
          .tenant = exchange.tenant,
          .gate = exchange.gate ? *exchange.gate : *exchange.who.known->gate,
          .tiles = parts_.tiles,
          .pages = own != nullptr && parts_.store.feed_is_exact() ? &own->pages : nullptr,
          .authenticator = parts_.authenticator,
          .tokens = own != nullptr ? &own->tokens : nullptr};
}

void Api::answer_read(std::shared_ptr<Exchange> exchange, unsigned io_thread) {
  const auto handler = std::get<ReadHandler>(exchange->match.route->handler);
  if (is_first_foreign_read(*exchange)) {
    return submit_change(
        std::move(exchange),
        [this, handler](Exchange& own_exchange, Tx& tx) -> Result<Response> {
          const Call call = call_of(own_exchange, nullptr);
          auto response = TRY(handler(call, tx));
          tx.append(ledger_read(own_exchange.tenant, call.caller), parts_.services.clock.now());
          return response;
        },
        io_thread);
  }
  ThreadState& own = *threads_[io_thread];
  const Call call = call_of(*exchange, &own);
  const std::int64_t seen = call.gate.revision();  // before the rows: a change in between is news at once
  auto outcome = handler(call, *own.reader);
  if (!waits_for_news(exchange, outcome, seen, io_thread)) finish(*exchange, std::move(outcome), io_thread);
}

bool Api::waits_for_news(const std::shared_ptr<Exchange>& exchange, const Result<Response>& outcome, std::int64_t seen,
                         unsigned io_thread) {
  if (!outcome || outcome->may_wait.count() == 0 || waiting_.is_ended()) return false;
  const Tick now = parts_.services.clock.tick();
  if (!exchange->news_deadline) exchange->news_deadline = now + outcome->may_wait;
  if (now >= *exchange->news_deadline) return false;
  const auto ask_again = [this, exchange, io_thread] {
    try {
      ThreadState& own = *threads_[io_thread];
      const auto standing = parts_.authenticator.reassess(exchange->request, own.tokens, *own.reader);
      if (!standing) return finish(*exchange, std::unexpected(refusal_of(standing.error(), std::nullopt)), io_thread);
      answer_read(exchange, io_thread);
    } catch (const std::exception&) {
      finish_failed(*exchange, std::current_exception(), io_thread);
    }
  };
  waiting_.wait(exchange->who.known->gate, seen, *exchange->news_deadline,
                [exchange, ask_again] { exchange->responder.run(ask_again); });
  return true;
}

void Api::submit_change(std::shared_ptr<Exchange> exchange, std::function<Result<Response>(Exchange&, Tx&)> act,
                        unsigned io_thread) {
  if (!exchange->caller) exchange->caller = exchange->who.known->caller;
  exchange->caller->request_id = exchange->request_id;
  if (const auto key = key_in_flight(call_of(*exchange, nullptr), exchange->match.route->operation)) {
    auto hold = in_flight_.take(*key);
    if (!hold) return finish(*exchange, refuse_in_flight(), io_thread);
    exchange->hold.emplace(*std::move(hold));
  }
  const unsigned store_thread = static_cast<unsigned>(threads_.size() - 1);
  Change change{.tenant = exchange->tenant,
                .body =
                    [exchange, act = std::move(act)](Tx& tx) {
                      exchange->outcome = act(*exchange, tx);
                      return *exchange->outcome ? Verdict::commit : Verdict::drop;
                    },
                .done =
                    [this, exchange, store_thread](const std::exception_ptr& failure) {
                      if (failure) return finish_failed(*exchange, failure, store_thread);
                      const auto answer = [this, exchange, store_thread] {
                        finish(*exchange, *std::move(exchange->outcome), store_thread);
                      };
                      const bool waits = *exchange->outcome && (*exchange->outcome)->waits_for_pool;
                      if (waits && parts_.settle_pool)
                        parts_.settle_pool(answer);
                      else
                        answer();
                    },
                .further = places_charged(*exchange->caller, exchange->tenant)};
  submit(*exchange, std::move(change), io_thread);
}

void Api::submit(Exchange& exchange, Change change, unsigned io_thread) {
  if (parts_.store.submit(std::move(change))) return;
  finish(exchange,
         std::unexpected(Refusal{.code = Code::overloaded,
                                 .subject = "tenant",
                                 .detail = "Too many changes of this tenant are waiting; repeat in a second.",
                                 .retry_after_s = 1}),
         io_thread);
}

void Api::finish_failed(Exchange& exchange, std::exception_ptr failure, unsigned thread) {
  try {
    std::rethrow_exception(failure);
  } catch (const CommitUnknown& error) {
    log::error("whether a change was kept is not known",
               {{"request_id", exchange.request_id}, {"error", error.what()}});
    finish(
        exchange,
        store_refusal("The register went away while it was keeping the change: look whether it did before you repeat "
                      "the request, or repeat it with the same Idempotency-Key."),
        thread);
  } catch (const StoreFailure& error) {
    log::error("the store failed", {{"request_id", exchange.request_id}, {"error", error.what()}});
    finish(exchange, store_refusal("The register cannot be asked now; nothing of the request was kept."), thread);
  } catch (const std::exception& error) {
    log::error("a request failed", {{"request_id", exchange.request_id}, {"error", error.what()}});
    finish(exchange, cadastre::refuse(Code::internal, "server", "The server failed; nothing of the request was kept."),
           thread);
  }
}

void Api::finish(Exchange& exchange, Result<Response> outcome, unsigned thread) {
  if (!outcome && outcome.error().code == Code::unauthenticated)
    metrics_.count_credential(thread, reason_of(outcome.error()));
  Response response =
      outcome ? *std::move(outcome)
              : problem(outcome.error(), {exchange.request.path(), exchange.request_id, exchange.tenant.text()});
  if (response.refused) {
    metrics_.count_refusal(thread, *response.refused);
    if (exchange.who.known) exchange.who.known->gate->count_refusal(*response.refused);
  }
  ((response.headers += "X-Request-Id: ") += exchange.request_id) += "\r\n";
  if (response.status == 405) response.headers += "Allow: " + exchange.match.allow + "\r\n";
  if (exchange.who.rate) append_rate(response.headers, *exchange.who.rate);
  exchange.hold.reset();  // before the answer is heard: whoever repeats the request then gets the same
  const auto took = exchange.watch.elapsed();
  metrics_.count(thread, index_of(exchange.match.route, metrics_), response.status, took);
  log(exchange, response.status, took, thread);
  exchange.responder.send(std::move(response));
}

void Api::log(const Exchange& exchange, int status, std::chrono::nanoseconds took, unsigned thread) {
  if (!log::writes(log::Level::info)) return;
  constexpr std::size_t buffer_bytes = 32 * 1024;
  ThreadState& own = *threads_[thread];
  const std::scoped_lock lock(own.log_mutex);
  log::append_line(own.log, log::Level::info, "request",
                   {{"method", exchange.request.method()},
                    {"path", exchange.request.path()},
                    {"status", std::int64_t{status}},
                    {"us", took.count() / 1000},
                    {"request_id", exchange.request_id},
                    {"tenant_id", exchange.tenant.text()},
                    {"token_id", exchange.who.known ? exchange.who.known->caller.token_id : std::string()},
                    {"peer", exchange.request.peer}});
  if (own.log.size() < buffer_bytes) return;
  log::write_lines(own.log);
  own.log.clear();
}

Response Api::refuse(const Refusal& refusal, const Head* request) {
  const std::string request_id = draw_request_id();
  const unsigned shared = static_cast<unsigned>(threads_.size() - 1);
  metrics_.count_refusal(shared, refusal.code);
  metrics_.count(shared, metrics_.unrouted(), status_of(refusal.code), std::chrono::nanoseconds(0));
  Response response = problem(refusal, {request == nullptr ? std::string_view() : request->path(), request_id, ""});
  response.headers += "X-Request-Id: " + request_id + "\r\n";
  return response;
}

}  // namespace cadastre::http

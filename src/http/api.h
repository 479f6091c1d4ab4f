// One request's way: route, authenticate, answer or change, count, log. The server calls it; the handlers are its rows.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "http/authenticate.h"
#include "http/forwarded.h"
#include "http/keys_in_flight.h"
#include "http/metrics.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/routes.h"
#include "http/server.h"
#include "http/waiting_reads.h"
#include "service/ledger.h"
#include "service/lost_sessions.h"
#include "service/rate_leases.h"
#include "service/seen_tokens.h"

namespace cadastre::http {

/// What the API stands on; all of it outlives it.
struct ApiParts {
  Store& store;
  TileStore& tiles;
  TenantGates& gates;
  Authenticator& authenticator;
  Services& services;
  RateLeases* rate_leases = nullptr;  ///< Where replicas share the tenants' rates.
  AlgorithmName token_algorithm = AlgorithmName::eddsa;
  TrustedProxies trusted_proxies = {};
  /// Calls back, once, when what was committed before is settled with the shared pool, or could not be; empty: there is
  /// nobody to settle it.
  std::function<void(std::function<void()>)> settle_pool = {};
  /// Adds what the other parts count to the metrics page.
  std::function<void(MetricsPage&)> append_metrics;
  /// Why the process is not ready for traffic, or nothing when it is; and facts for `/readyz` as JSON members.
  std::function<std::optional<std::string>(json::Object&)> append_readiness;
};

class Api final : public Handler {
 public:
  Api(ApiParts parts, unsigned io_threads);
  ~Api() override;

  void handle(Request request, Responder responder, unsigned io_thread) override;
  Response refuse(const Refusal& refusal, const Head* request) override;

  /// Once a second: writes the request log's buffers, forgets idle tenants. Thread-safe.
  void keep_house();
  /// Appends to each tenant's ledger how many of its requests were refused since the last call, if any were.
  void record_refusals();
  /// Tells the store which tokens and links were used since the last call.
  void record_uses() { seen_.tell(parts_.store); }
  /// Takes the sessions away whose time is over, and those under platform administrators' tokens that were revoked,
  /// each with its ledger entry; at most 1000 of either are looked at. For one thread. Never throws what the register
  /// can.
  void close_ended_sessions();
  /// Forgets what was counted for tokens that are long over. Never throws what the register can.
  void forget_charges();
  /// Answers what waits for news with what there is; nothing waits from now on.
  void end_waiting() { waiting_.end(); }

  ApiParts& parts() { return parts_; }
  RequestMetrics& metrics() { return metrics_; }
  /// What the I/O thread keeps for itself.
  TokenCache& tokens(unsigned io_thread) { return threads_[io_thread]->tokens; }
  Reader& reader(unsigned io_thread) { return *threads_[io_thread]->reader; }

 private:
  struct Exchange;
  struct ThreadState {
    std::unique_ptr<Reader> reader;
    TokenCache tokens;
    PageCache pages;
    std::mutex log_mutex;
    std::string log;
  };

  /// Counts a request that needs no credential against its address; a refusal when that has asked too often.
  std::optional<Refusal> spend_address_rate(const Exchange& exchange);
  void refuse_unrouted(Exchange& exchange, unsigned io_thread);
  void answer_open(Exchange& exchange, const OpenHandler& handler, unsigned io_thread);
  void answer_proved(std::shared_ptr<Exchange> exchange, const ProvedHandler& handler, unsigned io_thread);
  void answer_authenticated(std::shared_ptr<Exchange> exchange, unsigned io_thread);
  void wait_for_rate(std::shared_ptr<Exchange> exchange, unsigned io_thread);
  void answer_admitted(std::shared_ptr<Exchange> exchange, unsigned io_thread);
  void answer_read(std::shared_ptr<Exchange> exchange, unsigned io_thread);
  /// Whether there is no news yet and time to wait for it: then the read is done again later.
  bool waits_for_news(const std::shared_ptr<Exchange>& exchange, const Result<Response>& outcome, std::int64_t seen,
                      unsigned io_thread);
  /// Counts the read for the token's caveats, then answers it in its own thread.
  void charge_read(std::shared_ptr<Exchange> exchange, unsigned io_thread);
  Result<Response> change(Exchange& exchange, const ChangeHandler& handler, Tx& tx);
  void note_use(const Exchange& exchange);
  void submit_change(std::shared_ptr<Exchange> exchange, std::function<Result<Response>(Exchange&, Tx&)> act,
                     unsigned io_thread);
  /// Queues it; answers `overloaded` when the tenant's queue is full.
  void submit(Exchange& exchange, Change change, unsigned io_thread);
  /// Without a thread: for a transaction, which nothing of an I/O thread reaches.
  Call call_of(const Exchange& exchange, ThreadState* own);
  void finish(Exchange& exchange, Result<Response> outcome, unsigned thread);
  void finish_failed(Exchange& exchange, std::exception_ptr failure, unsigned thread);
  void log(const Exchange& exchange, int status, std::chrono::nanoseconds took, unsigned thread);
  std::string draw_request_id();
  bool is_first_foreign_read(const Exchange& exchange);

  ApiParts parts_;
  RequestMetrics metrics_;
  ReadRecorder recorder_;
  SeenTokens seen_;
  KeysInFlight in_flight_;
  LostSessions lost_sessions_;
  std::vector<std::unique_ptr<ThreadState>> threads_;  // one per I/O thread, and the last for the store's
  WaitingReads waiting_;
};

}  // namespace cadastre::http

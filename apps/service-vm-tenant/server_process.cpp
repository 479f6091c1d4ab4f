#include "server_process.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "admin_token.h"
#include "base/log.h"
#include "control_socket.h"
#include "first_start.h"
#include "http/api.h"
#include "http/listener.h"
#include "key_keeper.h"
#include "operating_figures.h"
#include "service/pool_worker.h"
#include "service/publisher.h"
#include "service/start_check.h"
#include "store/files/high_water_file.h"
#include "store/files/tile_folder.h"
#include "store/open_store.h"

namespace cadastre {
namespace {

constexpr std::chrono::seconds stop_patience{20};
constexpr std::chrono::seconds store_patience{30};  // a database that starts with the machine is there by then

/// SIGTERM and SIGINT, and SIGHUP where there is something to reload; blocked in every thread that starts after it and
/// taken by `wait`.
class Signals {
 public:
  explicit Signals(bool takes_hangup) {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    if (takes_hangup) sigaddset(&set_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    ::signal(SIGXFSZ, SIG_IGN);  // a file at its limit is a full disk: the write fails, the process goes on
  }
  int wait() const {
    int signal = 0;
    sigwait(&set_, &signal);
    return signal;
  }
  /// Waits that long; false when one of them came, which is then taken.
  bool rest(std::chrono::milliseconds time) const {
    const timespec limit{.tv_sec = time.count() / 1000, .tv_nsec = time.count() % 1000 * 1'000'000};
    return sigtimedwait(&set_, nullptr, &limit) < 0;
  }

 private:
  sigset_t set_;
};

void report_certificate(const http::TlsIdentity& identity) {
  log::info("certificate in use", {{"not_after", format_rfc3339(identity.not_after())}});
}

/// Takes the files' present certificate; when they are wrong, the one in use stays.
void reload(http::TlsIdentity& identity) {
  try {
    identity.reload();
    report_certificate(identity);
  } catch (const std::runtime_error& fault) {
    log::error("the new certificate cannot be used; the old one stays in use", {{"error", fault.what()}});
  }
}

/// Waits for the signal to stop, and reloads meanwhile.
int wait_for_stop(const Signals& signals, http::TlsIdentity* identity) {
  for (;;) {
    const int signal = signals.wait();
    if (signal != SIGHUP) return signal;
    reload(*identity);
  }
}

/// Calls the API's chores: every second the house and what was used, every 15 s the ended sessions, every minute the
/// refusals and the counts of ended tokens.
class Housekeeper {
 public:
  explicit Housekeeper(http::Api& api) : api_(api), thread_([this](const std::stop_token& stop) { run(stop); }) {}

 private:
  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    for (int second = 1; !stop.stop_requested(); ++second) {
      stopped_.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
      api_.keep_house();
      api_.record_uses();
      if (second % 60 == 0) {
        api_.record_refusals();
        api_.forget_charges();
      }
      if (second % 15 == 0) api_.close_ended_sessions();
    }
  }

  http::Api& api_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // last: it uses all of the above
};

/// A ledger that contradicts itself while the server runs: nothing may be signed or answered over it any more.
[[noreturn]] void stop_for(const LogFinding& finding) {
  log::write(log::Level::critical, "a ledger does not agree with what was published", {{"finding", describe(finding)}});
  _exit(1);
}

bool ledgers_hold(StartCheck& check, bool full) {
  const auto findings = full ? check.run_full() : check.run();
  for (const LogFinding& finding : findings) {
    log::write(log::Level::critical, "a ledger does not agree with what was published",
               {{"finding", describe(finding)}});
    fmt::print(stderr, "service-vm-tenant: refusing to start: {}\n", describe(finding));
  }
  return findings.empty();
}

VerifierRules rules_of(const Deployment& deployment, const Settings& settings) {
  return {.issuer = deployment.issuer,
          .audience = deployment.audience,
          .service = "vm-tenant",
          .lifetime_max = deployment.token_lifetime_max,
          .links_max = static_cast<std::size_t>(settings.token_links_max),
          .delegable_services = deployment.delegable_services};
}

http::Limits limits_of(const Settings& settings) {
  http::Limits limits;
  limits.connections_max = static_cast<std::size_t>(settings.connections_max);
  limits.connections_per_address_max = static_cast<std::size_t>(settings.connections_per_address_max);
  return limits;
}

/// Where to listen. Nobody chose the usual address of the agents' listener: when another server has it, this one goes
/// without, as on a machine that only tries things out.
std::vector<std::string> listen_addresses(const Settings& settings) {
  std::vector<std::string> addresses{settings.listen};
  if (settings.fleet_listen.empty()) return addresses;
  try {
    if (!settings.is_fleet_listen_given) http::expect_free(http::parse_listen_address(settings.fleet_listen));
    addresses.push_back(settings.fleet_listen);
  } catch (const std::runtime_error& fault) {
    log::warn("no second address for agents: somebody listens there already; choose another with fleet-listen",
              {{"fleet_listen", settings.fleet_listen}, {"reason", fault.what()}});
  }
  return addresses;
}

/// What a proof of possession may name before the path.
std::vector<std::string> base_urls(const Settings& settings, const Deployment& deployment) {
  std::vector<std::string> urls{deployment.issuer};
  if (!settings.fleet_url.empty())
    urls.push_back(settings.fleet_url);
  else if (!settings.fleet_listen.empty())
    urls.push_back((settings.tls_cert.empty() ? "http://" : "https://") + settings.fleet_listen);
  return urls;
}

http::TlsFiles tls_files_of(const Settings& settings) {
  return {.certificate = settings.tls_cert, .key = settings.tls_key, .client_authorities = settings.tls_client_ca};
}

/// How the process is reached, for `/readyz`.
void append_listening(const Settings& settings, json::Object& object) {
  const bool is_tls = !settings.tls_cert.empty();
  object.field("tls", is_tls).field("insecure_listen", !is_tls && !listens_to_itself(settings));
}

/// What signs tokens, for `/readyz`.
void append_keys(const IssuerKeyView& view, json::Object& object) {
  const bool lacks_next = !view.next_kid.empty() && view.private_key(view.next_kid) == nullptr;
  object.field("signing_key", view.active_kid)
      .field("can_issue_tokens", view.signer() != nullptr)
      .field("can_issue_after_rotation", view.next_kid.empty() ? view.signer() != nullptr : !lacks_next);
}

void report_ready(const Settings& settings, const std::vector<std::string>& listen, const Deployment& deployment) {
  const bool is_tls = !settings.tls_cert.empty();
  if (!is_tls && !listens_to_itself(settings))
    log::warn("other machines are listened to without TLS: tokens can be read on the way",
              {{"listen", settings.listen}});
  log::info("ready", {{"listen", listen.front()},
                      {"fleet_listen", listen.size() > 1 ? listen[1] : "none"},
                      {"tls", is_tls ? "true" : "false"},
                      {"issuer", deployment.issuer},
                      {"data_dir", settings.data_dir},
                      {"store", shown_store(settings.store)}});
}

}  // namespace

int run_server(const Settings& settings) {
  std::optional<http::TlsIdentity> identity;
  if (!settings.tls_cert.empty()) identity.emplace(tls_files_of(settings));
  const Signals signals(identity.has_value());
  const SystemClock clock;
  SystemRandom random;
  const std::filesystem::path data_dir = settings.data_dir;
  HighWaterFile marks((data_dir / "high-water").string());
  const StartPatience patience{store_patience, [&](std::chrono::milliseconds pause) { return signals.rest(pause); }};
  const Opened opened = open_data_dir(settings, clock, random, marks, patience);
  Store& store = *opened.store;
  const std::unique_ptr<TileStore> shared_tiles = store.open_tiles();
  TileFolder own_tiles((data_dir / "ledger").string());
  TileStore& tiles = shared_tiles ? *shared_tiles : own_tiles;
  IssuerKeyring& keyring = *opened.keyring;
  const Keys keys{keyring, opened.keys.ledger_master_seed};
  Services services{clock, random, opened.deployment, keys};

  StartCheck check(store, tiles, marks, clock, opened.keys.ledger_master_seed);
  if (!ledgers_hold(check, settings.verify == "full")) return 1;

  const std::unique_ptr<RateBudgets> rate_budgets = store.open_rate_budgets();
  TenantGates gates(settings.platform_rate_limit_rpm, rate_budgets ? RateSharing::shared : RateSharing::alone);
  std::optional<RateLeases> rate_leases;
  if (rate_budgets) rate_leases.emplace(*rate_budgets, clock);
  store.subscribe(gates);
  http::Authenticator authenticator(rules_of(opened.deployment, settings), keyring, gates, store, clock,
                                    base_urls(settings, opened.deployment), settings.address_rate_limit_rpm);
  if (identity && identity->asks_for_certificates()) authenticator.bind_administrators_to_certificates();
  const std::unique_ptr<PublisherLease> publisher_lease = store.open_publisher_lease();
  Publisher publisher(store, tiles, marks, clock, opened.keys.ledger_master_seed,
                      {.interval = std::chrono::milliseconds(settings.publish_interval_ms)}, publisher_lease.get());
  PoolWorker pool_worker(store, services, [&publisher] { return publisher.figures().is_publishing; });
  OperatingFigures figures(store, gates, publisher, check, clock);
  const unsigned threads = settings.threads > 0 ? static_cast<unsigned>(settings.threads)
                                                : std::max(1U, std::thread::hardware_concurrency());
  http::Api api({.store = store,
                 .tiles = tiles,
                 .gates = gates,
                 .authenticator = authenticator,
                 .services = services,
                 .rate_leases = rate_leases ? &*rate_leases : nullptr,
                 .token_algorithm = opened.deployment.token_algorithm,
                 .trusted_proxies = http::TrustedProxies::parse(settings.trusted_proxies).value(),
                 .settle_pool = [&](std::function<void()> done) { pool_worker.settle_soon(std::move(done)); },
                 .append_metrics = [&figures](http::MetricsPage& page) { figures.append_metrics(page); },
                 .append_readiness =
                     [&](json::Object& object) {
                       append_listening(settings, object);
                       append_keys(keyring.current(), object);
                       return figures.append_readiness(object);
                     }},
                threads);
  const auto listen = listen_addresses(settings);
  http::Server server(
      {.listen = listen, .threads = threads, .limits = limits_of(settings), .tls = identity ? &*identity : nullptr},
      api, clock);
  figures.watch(server.counters());
  if (identity) figures.watch(*identity);
  if (rate_leases) {
    figures.watch(*rate_leases);
    rate_leases->start([](const std::string& what) {
      log::error("the tenants' rates cannot be asked; it is tried again", {{"error", what}});
    });
  }
  publisher.start(
      {.finding = [](const LogFinding& finding) { stop_for(finding); },
       .failure =
           [](const std::string& what) { log::error("publishing failed; it is tried again", {{"error", what}}); }});
  check.continue_in_background({.finding = [](const LogFinding& finding) { stop_for(finding); },
                                .failure =
                                    [](const std::string& what) {
                                      log::error("the ledger check cannot read; it is tried again", {{"error", what}});
                                    }});
  {
    const KeyDesk desk{
        store, clock, random, opened.deployment, *opened.issuer_keys, keyring, opened.keys.ledger_master_seed};
    const KeyKeeper keeper(desk, std::chrono::days(settings.key_rotation_days));
    const ControlSocket control(data_dir, [&](const std::string& request) {
      return is_keys_request(request) ? answer_keys_request(desk, request)
                                      : answer_control_request(store, services, request);
    });
    const Housekeeper housekeeper(api);
    pool_worker.start();
    server.start();
    if (identity) report_certificate(*identity);
    report_ready(settings, listen, opened.deployment);
    const int signal = wait_for_stop(signals, identity ? &*identity : nullptr);
    api.end_waiting();
    log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    if (!server.stop(stop_patience))
      log::warn("some requests were cut off: they took longer than the patience of a stop");
  }
  pool_worker.stop();
  if (rate_leases) rate_leases->stop();
  check.stop();
  api.record_refusals();
  api.record_uses();
  if (!publisher.stop()) log::info("not every ledger entry is published yet; that goes on after the next start");
  store.stop();
  api.keep_house();
  log::info("stopped");
  return 0;
}

}  // namespace cadastre

#include "operating_figures.h"

#include <fmt/format.h>

namespace cadastre {
namespace {

constexpr std::size_t tenants_shown_max = 1000;  // a page that a scraper can take
constexpr std::chrono::seconds stalled_max{30};  // several rounds that failed, or a disk that hangs
constexpr std::chrono::seconds store_silence_max{5};

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

template <class Amount>
std::optional<std::int64_t> limit_of(const std::optional<Amount>& limit) {
  return limit ? std::optional(limit->value) : std::nullopt;
}

/// Bounds that double: 1, 2, 4 … of `unit`, one fewer than there are counts.
std::vector<double> doubling(double unit, std::size_t counts) {
  std::vector<double> bounds;
  for (std::size_t i = 0; i + 1 < counts; ++i, unit *= 2) bounds.push_back(unit);
  return bounds;
}

}  // namespace

OperatingFigures::OperatingFigures(Store& store, TenantGates& gates, const Publisher& publisher,
                                   const StartCheck& check, const Clock& clock)
    : store_(store), gates_(gates), publisher_(publisher), check_(check), clock_(clock), reader_(store.open_reader()) {}

void OperatingFigures::append_metrics(http::MetricsPage& page) {
  append_store(page);
  append_publisher(page);
  append_connections(page);
  append_rate_leases(page);
  append_tenants(page);
}

void OperatingFigures::append_store(http::MetricsPage& page) const {
  const StoreFigures figures = store_.figures();
  page.family("cadastre_store_changes_waiting", "gauge", "Changes that wait for a group commit.")
      .sample("", figures.waiting);
  page.family("cadastre_store_changes_refused_total", "counter",
              "Changes refused because too many of one tenant waited.")
      .sample("", figures.refused_full);
  page.family("cadastre_store_group_reruns_total", "counter", "Groups run again change by change.")
      .sample("", figures.reruns);
  page.family("cadastre_store_group_size", "histogram", "Changes in one commit.")
      .histogram("", doubling(1, figures.group_size_counts.size()), figures.group_size_counts,
                 static_cast<double>(figures.changes));
  page.family("cadastre_store_commit_seconds", "histogram", "Time of one commit, its fsync included.")
      .histogram("", doubling(0.00025, figures.commit_time_counts.size()), figures.commit_time_counts,
                 static_cast<double>(figures.commit_ns) / 1e9);
}

void OperatingFigures::append_publisher(http::MetricsPage& page) const {
  const PublisherFigures figures = publisher_.figures();
  page.family("cadastre_publisher_active", "gauge", "1 when this process publishes, 0 while another one does.")
      .sample("", std::uint64_t{figures.is_publishing});
  page.family("cadastre_publisher_lag_seconds", "gauge", "Age of the oldest ledger entry that is not published.")
      .sample("", seconds(figures.lag));
  page.family("cadastre_publisher_stalled_seconds", "gauge",
              "Time in which nothing was published although entries wait.")
      .sample("", seconds(figures.stalled));
  page.family("cadastre_publisher_round_seconds", "gauge", "Time of the last round.")
      .sample("", seconds(figures.last_round));
  page.family("cadastre_publisher_rounds_total", "counter", "Rounds of publishing.").sample("", figures.rounds);
  page.family("cadastre_publisher_failed_rounds_total", "counter", "Rounds that failed and were tried again.")
      .sample("", figures.failed_rounds);
  page.family("cadastre_publisher_checkpoints_total", "counter", "Checkpoints signed.").sample("", figures.checkpoints);
  page.family("cadastre_publisher_leaves_total", "counter", "Ledger entries published.").sample("", figures.leaves);
  const StartCheckFigures check = check_.figures();
  page.family("cadastre_ledger_logs", "gauge", "Logs known at the start.").sample("", check.logs);
  page.family("cadastre_ledger_full_checks_total", "counter", "Checks of all ledgers that came to their end.")
      .sample("", check.full_checks);
  page.family("cadastre_ledger_verification_age_seconds", "gauge",
              "Time since all ledgers were last verified in full; -1 before.")
      .sample("", check.verified ? seconds(clock_.now() - *check.verified) : -1.0);
}

void OperatingFigures::append_connections(http::MetricsPage& page) const {
  if (connections_ == nullptr) return;
  page.family("cadastre_http_connections_open", "gauge", "Connections open.")
      .sample("", connections_->connections_open.load());
  page.family("cadastre_http_connections_total", "counter", "Connections accepted.")
      .sample("", connections_->connections_accepted.load());
  page.family("cadastre_http_connections_refused_total", "counter", "Connections refused above a cap.")
      .sample("", connections_->connections_refused.load());
  page.family("cadastre_http_timeouts_total", "counter", "Connections ended by a limit of time.")
      .sample("", connections_->timeouts.load());
  if (identity_ == nullptr) return;
  page.family("cadastre_tls_handshake_failures_total", "counter", "Connections whose TLS handshake failed.")
      .sample("", connections_->handshake_failures.load());
  page.family("cadastre_tls_certificate_not_after_seconds", "gauge",
              "When the certificate in use ends, in seconds since 1970.")
      .sample("", static_cast<double>(s_since_epoch(identity_->not_after())));
}

void OperatingFigures::append_rate_leases(http::MetricsPage& page) const {
  if (rate_leases_ == nullptr) return;
  const RateLeasesFigures figures = rate_leases_->figures();
  page.family("cadastre_rate_lease_tenants", "gauge", "Tenants whose shared rate this replica holds a part of.")
      .sample("", figures.tenants);
  page.family("cadastre_rate_lease_waits_total", "counter", "Requests that waited for the store to lease their rate.")
      .sample("", figures.waited);
  page.family("cadastre_rate_lease_messages_total", "counter", "Messages to the store, each for many tenants.")
      .sample("", figures.messages);
  page.family("cadastre_rate_lease_wants_total", "counter", "Tenants in those messages.").sample("", figures.wants);
  page.family("cadastre_rate_lease_failures_total", "counter", "Messages that failed.").sample("", figures.failures);
}

/// Nothing while the store cannot be asked.
std::optional<std::vector<TenantWithHead>> OperatingFigures::find_tenants() {
  std::vector<TenantId> ids{TenantId::platform()};
  gates_.each([&](TenantGate& gate) {
    if (!gate.id().is_platform() && ids.size() <= tenants_shown_max) ids.push_back(gate.id());
  });
  const std::scoped_lock lock(reader_mutex_);
  try {
    return reader_->tenants_with_heads(ids);
  } catch (const StoreFailure&) {
    return std::nullopt;  // the page says so, and goes on with what this process knows by itself
  }
}

void OperatingFigures::append_tenants(http::MetricsPage& page) {
  const auto rows = find_tenants();
  page.family("cadastre_store_answers", "gauge",
              "1 when the store answered for this page; else what it knows is left out.")
      .sample("", std::uint64_t{rows.has_value()});
  if (!rows) return;
  const auto gauge = [&](std::string_view name, std::string_view help, auto&& value_of) {
    page.family(name, "gauge", help);
    for (const TenantWithHead& row : *rows) {
      const std::optional<std::int64_t> value = value_of(row);
      if (row.tenant.id.is_platform() || !value) continue;
      page.sample(fmt::format("tenant_id=\"{}\"", row.tenant.id.text()), static_cast<std::uint64_t>(*value));
    }
  };
  gauge("cadastre_tenant_vms", "VMs charged, of tenants that called lately.",
        [](const TenantWithHead& row) { return row.tenant.used.vms.value; });
  gauge("cadastre_tenant_vms_limit", "max_vms.",
        [](const TenantWithHead& row) { return row.tenant.quota.max_vms.value; });
  gauge("cadastre_tenant_storage_gb", "Storage charged.",
        [](const TenantWithHead& row) { return row.tenant.used.storage.value; });
  gauge("cadastre_tenant_storage_limit_gb", "storage_quota_gb.",
        [](const TenantWithHead& row) { return row.tenant.quota.storage.value; });
  gauge("cadastre_tenant_ram_mb", "Memory charged.",
        [](const TenantWithHead& row) { return row.tenant.used.ram.value; });
  gauge("cadastre_tenant_ram_limit_mb", "max_ram_mb, of tenants that have one.",
        [](const TenantWithHead& row) { return limit_of(row.tenant.quota.max_ram); });
  gauge("cadastre_tenant_vcpus", "Virtual processors charged.",
        [](const TenantWithHead& row) { return row.tenant.used.vcpus.value; });
  gauge("cadastre_tenant_vcpus_limit", "max_vcpus, of tenants that have one.",
        [](const TenantWithHead& row) { return limit_of(row.tenant.quota.max_vcpus); });
  gauge("cadastre_tenant_api_rate_limit_rpm", "api_rate_limit_rpm.",
        [](const TenantWithHead& row) { return row.tenant.quota.api_rate.value; });
  gauge("cadastre_tenant_ledger_entries", "Size of the ledger.",
        [](const TenantWithHead& row) { return row.head.size; });
  page.family("cadastre_platform_ledger_entries", "gauge", "Size of the platform's own ledger.");
  for (const TenantWithHead& row : *rows) {
    if (row.tenant.id.is_platform()) page.sample("", row.head.size);
  }
}

std::optional<std::string> OperatingFigures::append_readiness(json::Object& object) {
  const PublisherFigures publisher = publisher_.figures();
  const StartCheckFigures check = check_.figures();
  object.field("ledgers", static_cast<std::int64_t>(check.logs))
      .field("ledgers_verified_at_edge", static_cast<std::int64_t>(check.logs_at_edge))
      .field("ledgers_verified_in_full", static_cast<std::int64_t>(check.logs_in_full))
      .field("publisher_active", publisher.is_publishing)
      .field("publisher_lag_ms", std::int64_t{publisher.lag.count()})
      .field("publisher_stalled_ms", std::int64_t{publisher.stalled.count()});
  if (check.verified)
    object.field("verified_at", format_rfc3339(*check.verified));
  else
    object.null("verified_at");
  if (store_.feed_age() > store_silence_max) return "The store cannot be asked: look for its reason in the log.";
  if (publisher.stalled > stalled_max)
    return "Ledger entries are not being published: look for \"publishing failed\" in the log.";
  return std::nullopt;
}

}  // namespace cadastre

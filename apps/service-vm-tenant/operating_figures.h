// What the parts behind the API count, for the metrics page and for readiness.
#pragma once

#include "base/json.h"
#include "http/metrics.h"
#include "http/server.h"
#include "service/publisher.h"
#include "service/rate_leases.h"
#include "service/start_check.h"
#include "service/tenant_gates.h"

namespace cadastre {

/// Reads the parts' figures; they outlive it.
class OperatingFigures {
 public:
  OperatingFigures(Store& store, TenantGates& gates, const Publisher& publisher, const StartCheck& check,
                   const Clock& clock);

  void watch(const http::Counters& connections) { connections_ = &connections; }
  void watch(const http::TlsIdentity& identity) { identity_ = &identity; }
  void watch(const RateLeases& rate_leases) { rate_leases_ = &rate_leases; }
  void append_metrics(http::MetricsPage& page);
  /// Adds facts to `/readyz`; answers why not to send traffic here, or nothing.
  std::optional<std::string> append_readiness(json::Object& object);

 private:
  void append_store(http::MetricsPage& page) const;
  void append_publisher(http::MetricsPage& page) const;
  void append_connections(http::MetricsPage& page) const;
  void append_rate_leases(http::MetricsPage& page) const;
  /// Usage, limits and ledger size of the tenants in memory: those that called lately.
  void append_tenants(http::MetricsPage& page);
  std::optional<std::vector<TenantWithHead>> find_tenants();

  Store& store_;
  TenantGates& gates_;
  const Publisher& publisher_;
  const StartCheck& check_;
  const Clock& clock_;
  const http::Counters* connections_ = nullptr;
  const http::TlsIdentity* identity_ = nullptr;
  const RateLeases* rate_leases_ = nullptr;
  std::mutex reader_mutex_;
  std::unique_ptr<Reader> reader_;  // guarded by the mutex
};

}  // namespace cadastre

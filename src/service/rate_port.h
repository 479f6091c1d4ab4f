// The store of the tenants' rate budgets, as the replicas that share them see it (decisions/0010).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "domain/rate_budget.h"
#include "domain/tenant_id.h"

namespace cadastre {

/// One replica's message to one tenant's budget.
struct RateWant {
  TenantId tenant;
  RateAsk ask;
  std::int64_t limit = 0;  ///< As the replica knows it. Counts for the platform's own budget alone.
};

/// One `RateBudget` for each tenant that was ever asked about, shared by all replicas. For one thread.
class RateBudgets {
 public:
  virtual ~RateBudgets() = default;

  /// Decides about each want, in one round trip: `RateBudget::decide` by the store's clock, read once the tenant's
  /// budget is locked, and by the limit of the tenant's row as it is then; for the platform, by the want's own. A
  /// tenant that is not there has the limit 0; a deleted one keeps its own, since there is a better reason to refuse
  /// it. Answers in the order of the wants, when what was decided is durable.
  ///
  /// Requires that no tenant is named twice. Throws StoreFailure, after three seconds at the latest; then each want may
  /// have taken effect or not, but none takes effect more than once, so only what is known to be undone is tried again.
  virtual std::vector<RateGrant> lease(std::span<const RateWant> wants) = 0;
};

}  // namespace cadastre

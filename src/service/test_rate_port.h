// Rate budgets in memory, for tests of those who use them.
#pragma once

#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "base/invariant.h"
#include "base/time.h"
#include "service/ports.h"
#include "service/rate_port.h"

namespace cadastre {

/// Several replicas may share one; a tenant without a limit is not there.
class MemoryRateBudgets final : public RateBudgets {
 public:
  explicit MemoryRateBudgets(const Clock& clock) : clock_(clock) {}

  std::vector<RateGrant> lease(std::span<const RateWant> wants) override {
    const std::scoped_lock lock(mutex_);
    ++calls_;
    if (!reachable_) throw StoreFailure("the budgets are out of reach");
    std::vector<RateGrant> grants;
    for (const RateWant& want : wants) {
      RateBudget budget = RateBudget::decode(rows_[want.tenant]).value_or(RateBudget());
      const std::int64_t limit = want.tenant.is_platform() ? want.limit : limits_[want.tenant];
      grants.push_back(budget.decide(want.ask, limit, clock_.now()));
      rows_[want.tenant] = budget.encode();
    }
    return grants;
  }

  void set_limit(const TenantId& tenant, std::int64_t limit) {
    const std::scoped_lock lock(mutex_);
    limits_[tenant] = limit;
  }
  void set_reachable(bool reachable) {
    const std::scoped_lock lock(mutex_);
    reachable_ = reachable;
  }
  std::int64_t counted(const TenantId& tenant) {
    const std::scoped_lock lock(mutex_);
    return RateBudget::decode(rows_[tenant]).value_or(RateBudget()).counted(clock_.now());
  }
  std::size_t calls() {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::map<TenantId, std::string> rows_;
  std::map<TenantId, std::int64_t> limits_;
  bool reachable_ = true;
  std::size_t calls_ = 0;
};

}  // namespace cadastre

// The tables `seen_link`, `caveat_counter` and `caveat_rate`: what use tells of tokens.
#pragma once

#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class LinkTable {
 public:
  explicit LinkTable(Connection& connection);
  std::optional<SeenLink> find(const TenantId& tenant, const RevocationId& rid);
  std::vector<SeenLink> page(const TenantId& tenant, const LinkQuery& query);
  void put(const SeenLink& link);

 private:
  Query find_, page_, put_;
};

class CounterTable {
 public:
  explicit CounterTable(Connection& connection);
  /// 0 when there is no such row.
  std::int64_t find(const TenantId& tenant, CounterKind kind, const RevocationId& rid);
  /// 0 removes the row.
  void set(const TenantId& tenant, CounterKind kind, const RevocationId& rid, std::int64_t value,
           std::optional<Instant> expires_at);

 private:
  Query find_, put_, erase_;
};

class CaveatRateTable {
 public:
  explicit CaveatRateTable(Connection& connection);
  /// An empty one when there is no such row.
  RateBudget find(const TenantId& tenant, const RevocationId& rid);
  void set(const TenantId& tenant, const RevocationId& rid, const RateBudget& rate, Instant expires_at);
  void erase(const TenantId& tenant, const RevocationId& rid);
  /// Whose requests these and the counters know of, of all tenants.
  std::vector<ExpiredBearer> expired(Instant at, std::size_t limit);

 private:
  Query find_, put_, erase_, expired_;
};

}  // namespace cadastre::sqlite

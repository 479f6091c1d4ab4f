// The tables `seen_link` and `caveat_counter`: what use tells of tokens.
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
  void set(const TenantId& tenant, CounterKind kind, const RevocationId& rid, std::int64_t value);

 private:
  Query find_, put_, erase_;
};

}  // namespace cadastre::sqlite

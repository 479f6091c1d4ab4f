// The tables `tenant` and `tenant_usage`: a namespace, its counters and the head of its log.
#pragma once

#include <vector>

#include "store/sqlite/statement.h"
#include "store/tenant_row.h"

namespace cadastre::sqlite {

class TenantTable {
 public:
  explicit TenantTable(Connection& connection);
  std::optional<TenantRow> find(const TenantId& id);
  /// In order of id, without the platform's row and deleted ones.
  std::vector<Tenant> page(std::string_view after, std::size_t limit);
  void insert(const TenantRow& row);
  /// Writes the counters, the revision and the head of the log.
  void update_usage(const TenantRow& row);
  /// Writes the rest of what may change.
  void update_details(const Tenant& tenant);

 private:
  Query find_, page_, insert_, insert_usage_, update_usage_, update_details_;
};

}  // namespace cadastre::sqlite

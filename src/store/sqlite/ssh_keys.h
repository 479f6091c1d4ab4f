// The table `ssh_key`.
#pragma once

#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class SshKeyTable {
 public:
  explicit SshKeyTable(Connection& connection);
  std::optional<SshKey> find(const TenantId& tenant, std::string_view name);
  std::vector<SshKey> page(const TenantId& tenant, const NameQuery& query);
  void put(const SshKey& key);
  /// False when there is no such row.
  bool erase(const TenantId& tenant, std::string_view name);

 private:
  Query find_, page_, put_, erase_;
};

}  // namespace cadastre::sqlite

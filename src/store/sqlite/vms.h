// The table `vm`.
#pragma once

#include <array>
#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class VmTable {
 public:
  explicit VmTable(Connection& connection);
  std::optional<Vm> find(const TenantId& tenant, const VmId& id);
  std::vector<Vm> page(const TenantId& tenant, const VmQuery& query);
  std::int64_t count(const TenantId& tenant, VmState state);
  /// The first tenant after `after` that has VMs in the index vm_waiting.
  std::optional<TenantId> next_waiting_tenant(const TenantId& after);
  std::vector<Vm> waiting(const TenantId& tenant, const WaitingQuery& query);
  /// The sum over the tenant's VMs.
  Usage usage(const TenantId& tenant);
  void insert(const Vm& vm);
  /// False when there is no such row.
  bool update(const Vm& vm);
  bool erase(const TenantId& tenant, const VmId& id);

 private:
  Query find_, page_, filtered_page_, next_waiting_tenant_, waiting_, count_, usage_, insert_, update_, erase_;
};

}  // namespace cadastre::sqlite

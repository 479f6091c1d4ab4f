// The table `vm_console`.
#pragma once

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class VmConsoleTable {
 public:
  explicit VmConsoleTable(Connection& connection);
  std::optional<VmConsole> find(const TenantId& tenant, const VmId& vm);
  void put(const VmConsole& console);
  void erase(const TenantId& tenant, const VmId& vm);

 private:
  Query find_, put_, erase_;
};

}  // namespace cadastre::sqlite

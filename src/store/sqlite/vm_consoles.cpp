#include "store/sqlite/vm_consoles.h"

namespace cadastre::sqlite {

VmConsoleTable::VmConsoleTable(Connection& connection)
    : find_(connection, "SELECT bytes, updated_at FROM vm_console WHERE tenant_id = ?1 AND vm_id = ?2"),
      put_(connection, "INSERT OR REPLACE INTO vm_console (tenant_id, vm_id, bytes, updated_at) VALUES (?,?,?,?)"),
      erase_(connection, "DELETE FROM vm_console WHERE tenant_id = ?1 AND vm_id = ?2") {}

std::optional<VmConsole> VmConsoleTable::find(const TenantId& tenant, const VmId& vm) {
  auto rows = find_(tenant.text(), vm.bytes());
  if (!rows.next()) return std::nullopt;
  return VmConsole{.tenant = tenant, .vm = vm, .bytes = rows.text(0), .updated_at = rows.instant(1)};
}

void VmConsoleTable::put(const VmConsole& console) {
  put_.run(console.tenant.text(), console.vm.bytes(), as_bytes(console.bytes), console.updated_at);
}

void VmConsoleTable::erase(const TenantId& tenant, const VmId& vm) { erase_.run(tenant.text(), vm.bytes()); }

}  // namespace cadastre::sqlite

#include "service/vm_consoles.h"

#include "service/nodes.h"
#include "service/shared_pool.h"
#include "service/vms.h"

namespace cadastre {
namespace {

/// Whether the VM is one of the node's own tenant's that is on it, or another tenant's that has room there.
bool is_here(Tx& tx, const Node& node, const VmId& id) {
  const auto found = tx.vm(node.tenant, id);
  return (found && is_on(*found, node)) || has_pool_room(tx, node, id);
}

}  // namespace

Result<void> keep_console(Tx& tx, Services& services, const Caller& caller, std::string_view node_id,
                          std::string_view vm_id, std::string bytes) {
  if (bytes.size() > console_bytes_max) {
    return refuse(Code::content_too_large, "body", "Send the last 65536 bytes of the console.");
  }
  TRY(changeable_tenant(tx, caller));
  const auto own = TRY(own_node(tx, caller, node_id));
  const auto id = VmId::parse(vm_id);
  if (!id || !is_here(tx, own, *id)) return refuse(Code::not_found, "vm", "There is no such VM.");
  tx.put(VmConsole{.tenant = caller.tenant, .vm = *id, .bytes = std::move(bytes), .updated_at = services.clock.now()});
  return {};
}

Result<std::optional<VmConsole>> vm_console(Reader& reader, const TenantId& tenant, std::string_view vm_id) {
  const auto found = TRY(vm(reader, tenant, vm_id));
  return reader.vm_console(found.pool.value_or(tenant), found.id);
}

}  // namespace cadastre

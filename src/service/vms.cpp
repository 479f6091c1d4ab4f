#include "service/vms.h"

#include "domain/vm_lifecycle.h"
#include "service/caveat_charges.h"
#include "service/events.h"
#include "service/placements.h"

namespace cadastre {
namespace {

/// Writes down what somebody wished of a VM, and lets its node's agent know.
void keep_wish(Tx& tx, const Tenant& tenant, const Vm& vm, const Event& event, Instant now) {
  tx.update(vm);
  tx.update(tenant);
  tell_node(tx, vm);
  tx.append(event, now);
}

}  // namespace

Result<Tenant> changeable_tenant(Reader& reader, const Caller& caller) {
  auto tenant = reader.tenant(caller.tenant);
  if (!tenant) return refuse(Code::not_found, "tenant", "There is no such tenant.");
  TRY(admit_change(*tenant));
  return *std::move(tenant);
}

Result<Vm> create_vm(Tx& tx, Services& services, const Caller& caller, const VmOrder& order) {
  TRY(check_vm_order(order));
  auto tenant = TRY(changeable_tenant(tx, caller));
  TRY(admit_vm(tenant.quota, tenant.used, order.charge()));
  auto charged_to = TRY(charge_vm(tx, caller));
  const Instant now = services.clock.now();
  Vm vm{.id = VmId::draw(services.random, now),
        .tenant = tenant.id,
        .name = order.name,
        .vm_type = order.vm_type,
        .ram = order.ram,
        .vcpus = order.vcpus,
        .disk = order.disk,
        .prefer_kvm = order.prefer_kvm,
        .preferred_node = order.preferred_node,
        .ports = order.ports,
        .restart_policy = *order.restart_policy,
        .created_at = now,
        .charged_to = std::move(charged_to)};
  tenant.used = with_vm(tenant.used, vm.charge());
  place(tx, services, tenant, vm);
  tx.insert(vm);
  tx.update(tenant);
  tx.append(vm_created(vm, caller), now);
  return vm;
}

Result<Vm> vm(Reader& reader, const TenantId& tenant, std::string_view id) {
  const auto vm_id = VmId::parse(id);
  auto found = vm_id ? reader.vm(tenant, *vm_id) : std::nullopt;
  if (!found) return refuse(Code::not_found, "vm", "There is no such VM.");
  return *std::move(found);
}

Result<Vm> wish_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id, VmWish wanted) {
  const auto tenant = TRY(changeable_tenant(tx, caller));
  auto vm = TRY(cadastre::vm(tx, caller.tenant, id));
  TRY(admit_wish(vm, wanted));
  if (!wish(vm, wanted)) return vm;
  if (vm.node_id.empty() && vm.state == VmState::provisioning && wanted == VmWish::run) place(tx, services, tenant, vm);
  keep_wish(tx, tenant, vm, vm_wished(vm, caller), services.clock.now());
  return vm;
}

Result<Vm> reboot_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id) {
  const auto tenant = TRY(changeable_tenant(tx, caller));
  auto vm = TRY(cadastre::vm(tx, caller.tenant, id));
  TRY(admit_reboot(vm));
  ++vm.reboots;
  ++vm.generation;
  ++vm.revision;
  keep_wish(tx, tenant, vm, vm_rebooted(vm, caller), services.clock.now());
  return vm;
}

void forget_vm(Tx& tx, Tenant& tenant, const Vm& vm, const Caller& caller, Instant now) {
  tenant.used = without_vm(tenant.used, vm.charge());
  release_vm(tx, vm);
  leave_node(tx, vm);
  tx.erase(tenant.id, vm.id);
  tx.erase_vm_console(tenant.id, vm.id);
  tx.update(tenant);
  tx.append(vm_deleted(vm, caller), now);
}

Result<std::optional<Vm>> delete_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id,
                                    const Precondition& if_match) {
  auto tenant = TRY(changeable_tenant(tx, caller));
  auto vm = TRY(cadastre::vm(tx, caller.tenant, id));
  if (!if_match.holds(vm.revision)) {
    return refuse(Code::precondition_failed, "If-Match", "The VM has changed since: read it again and repeat.");
  }
  if (vm.state == VmState::deleting) return vm;
  if (!vm.node_id.empty()) {
    const VmState before = vm.state;
    begin_deletion(vm);
    keep_wish(tx, tenant, vm, vm_state_changed(vm, before, caller), services.clock.now());
    return vm;
  }
  forget_vm(tx, tenant, vm, caller, services.clock.now());
  return std::nullopt;
}

}  // namespace cadastre

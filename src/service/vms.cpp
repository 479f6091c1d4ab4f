#include "service/vms.h"

#include "service/caveat_charges.h"
#include "service/events.h"

namespace cadastre {
namespace {

/// The caller's tenant, which may be changed now.
Result<Tenant> changeable_tenant(Reader& reader, const Caller& caller) {
  auto tenant = reader.tenant(caller.tenant);
  if (!tenant) return refuse(Code::not_found, "tenant", "There is no such tenant.");
  TRY(admit_change(*tenant));
  return *std::move(tenant);
}

}  // namespace

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
        .created_at = now,
        .charged_to = std::move(charged_to)};
  tenant.used = with_vm(tenant.used, vm.charge());
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

Result<Vm> wish_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id, VmWish wish) {
  const auto tenant = TRY(changeable_tenant(tx, caller));
  auto vm = TRY(cadastre::vm(tx, caller.tenant, id));
  TRY(admit_wish(vm, wish));
  // A new VM is to run anyhow; that somebody asks for it is recorded all the same, once.
  const bool is_first_start = wish == VmWish::run && vm.revision == 1;
  if (vm.wish == wish && !is_first_start) return vm;
  vm.wish = wish;
  ++vm.revision;
  tx.update(vm);
  tx.update(tenant);
  tx.append(vm_wished(vm, caller), services.clock.now());
  return vm;
}

Result<Vm> reboot_vm(Tx& tx, Services&, const Caller& caller, std::string_view id) {
  TRY(changeable_tenant(tx, caller));
  const auto vm = TRY(cadastre::vm(tx, caller.tenant, id));
  return refuse(Code::conflict, "state",
                "Only a running VM can be rebooted; this one is " + std::string(name_of(vm.state)) + ".");
}

Result<void> delete_vm(Tx& tx, Services& services, const Caller& caller, std::string_view id,
                       const Precondition& if_match) {
  auto tenant = TRY(changeable_tenant(tx, caller));
  const auto vm = TRY(cadastre::vm(tx, caller.tenant, id));
  if (!if_match.holds(vm.revision)) {
    return refuse(Code::precondition_failed, "If-Match", "The VM has changed since: read it again and repeat.");
  }
  tenant.used = without_vm(tenant.used, vm.charge());
  release_vm(tx, vm);
  tx.erase(tenant.id, vm.id);
  tx.update(tenant);
  tx.append(vm_deleted(vm, caller), services.clock.now());
  return {};
}

}  // namespace cadastre

#include "service/tenants.h"

#include <fmt/format.h>

#include "service/events.h"
#include "service/images.h"
#include "service/sessions.h"
#include "service/ssh_keys.h"

namespace cadastre {
namespace {

Result<void> check_limits(const Quota& quota) {
  std::vector<FieldError> errors;
  const auto check = [&errors](const char* pointer, std::int64_t value) {
    if (value < 0 || value > limit_max)
      errors.push_back({pointer, fmt::format("must be an integer from 0 to {}", limit_max)});
  };
  check("/max_vms", quota.max_vms.value);
  check("/storage_quota_gb", quota.storage.value);
  check("/api_rate_limit_rpm", quota.api_rate.value);
  if (quota.max_ram) check("/max_ram_mb", quota.max_ram->value);
  if (quota.max_vcpus) check("/max_vcpus", quota.max_vcpus->value);
  return refuse_members(std::move(errors));
}

Quota patched(Quota quota, const TenantPatch& patch) {
  if (patch.max_vms) quota.max_vms = VmCount{*patch.max_vms};
  if (patch.storage_quota_gb) quota.storage = Gigabytes{*patch.storage_quota_gb};
  if (patch.api_rate_limit_rpm) quota.api_rate = RequestsPerMinute{*patch.api_rate_limit_rpm};
  if (patch.max_ram_mb) quota.max_ram = patch.max_ram_mb->transform([](std::int64_t mb) { return Mebibytes{mb}; });
  if (patch.max_vcpus)
    quota.max_vcpus = patch.max_vcpus->transform([](std::int64_t count) { return VcpuCount{count}; });
  return quota;
}

/// The row as the transaction has it now, for the answer: `update` raised the revision.
Tenant updated(Tx& tx, const Tenant& tenant) {
  tx.update(tenant);
  return *tx.tenant(tenant.id);
}

}  // namespace

Result<Tenant> create_tenant(Tx& tx, Services& services, const Caller& caller, const TenantOrder& order) {
  TRY(check_display_name(order.display_name));
  TRY(check_limits(order.quota));
  if (const auto known = tx.tenant(order.id)) {
    const bool retired = known->state == TenantState::deleted;
    return refuse(Code::already_exists, "tenant_id",
                  fmt::format("The tenant id {} {}. An id is never used twice: choose another.", order.id.text(),
                              retired ? "was used by a tenant that is deleted" : "is taken"));
  }
  const Instant now = services.clock.now();
  auto log = draw_log(services, order.id);
  const Tenant tenant{.id = order.id,
                      .display_name = order.display_name,
                      .quota = order.quota,
                      .log_id = log.id,
                      .vkey = std::move(log.vkey),
                      .created_at = now,
                      .updated_at = now,
                      .created_by = caller.token_id};
  tx.insert(tenant);
  tx.append(tenant_created(tenant, caller), now);
  return *tx.tenant(order.id);
}

Result<Tenant> tenant(Reader& reader, const TenantId& id) {
  auto found = reader.tenant(id);
  if (found && found->state != TenantState::deleted && !id.is_platform()) return *std::move(found);
  return refuse(Code::not_found, "tenant", "There is no such tenant.");
}

Result<Tenant> tenant_at(Reader& reader, const TenantId& id, const Precondition& if_match) {
  auto found = TRY(tenant(reader, id));
  if (if_match.holds(found.revision)) return found;
  return refuse(Code::precondition_failed, "If-Match", "The tenant has changed since: read it again and repeat.");
}

Result<Tenant> update_tenant(Tx& tx, Services& services, const Caller& caller, const TenantId& id,
                             const TenantPatch& patch, const Precondition& if_match) {
  auto before = TRY(tenant_at(tx, id, if_match));
  Tenant after = before;
  if (patch.display_name) {
    TRY(check_display_name(*patch.display_name));
    after.display_name = *patch.display_name;
  }
  after.quota = patched(before.quota, patch);
  TRY(check_limits(after.quota));
  if (!patch.force) TRY(admit_limits(after.quota, after.used));
  const bool renamed = after.display_name != before.display_name;
  const bool requoted = after.quota != before.quota;
  if (!renamed && !requoted) return before;
  const Instant now = services.clock.now();
  after.updated_at = now;
  auto answer = updated(tx, after);
  if (renamed) tx.append(tenant_updated(after, caller), now);
  if (requoted) tx.append(tenant_quota_changed(before, after, caller), now);
  return answer;
}

Result<Tenant> set_tenant_state(Tx& tx, Services& services, const Caller& caller, const TenantId& id,
                                TenantState state) {
  auto tenant = TRY(cadastre::tenant(tx, id));
  if (tenant.state == state) return tenant;
  tenant.state = state;
  tenant.updated_at = services.clock.now();
  auto answer = updated(tx, tenant);
  tx.append(tenant_state_changed(tenant, caller), tenant.updated_at);
  return answer;
}

Result<void> delete_tenant(Tx& tx, Services& services, const Caller& caller, const TenantId& id,
                           const Precondition& if_match) {
  auto tenant = TRY(tenant_at(tx, id, if_match));
  if (tenant.used.vms > VmCount{0}) {
    return refuse(Code::tenant_not_empty, "tenant",
                  fmt::format("The tenant still holds {} VMs ({} GB of disk). Delete them first.",
                              tenant.used.vms.value, tenant.used.storage.value));
  }
  if (tenant.node_count > 0) {
    return refuse(Code::tenant_not_empty, "tenant",
                  fmt::format("The tenant still holds {} nodes. Remove them first.", tenant.node_count));
  }
  tenant.state = TenantState::deleted;
  tenant.updated_at = services.clock.now();
  drop_sessions(tx, caller, id, "tenant_deleted", tenant.updated_at, [](const Session&) { return true; });
  drop_images(tx, id);
  drop_ssh_keys(tx, id);
  tx.update(tenant);
  tx.append(tenant_state_changed(tenant, caller), tenant.updated_at);
  return {};
}

}  // namespace cadastre

// The verbs about tenants: register, read, change, suspend, resume, delete.
#pragma once

#include <optional>
#include <string>

#include "domain/precondition.h"
#include "service/caller.h"
#include "service/services.h"

namespace cadastre {

struct TenantOrder {
  TenantId id;
  std::string display_name;
  Quota quota;
};

/// What a PATCH names; what it leaves out stays.
struct TenantPatch {
  std::optional<std::string> display_name;
  std::optional<std::int64_t> max_vms, storage_quota_gb, api_rate_limit_rpm;
  /// Outer: named at all; inner: the new limit, or none when it is lifted by null.
  std::optional<std::optional<std::int64_t>> max_ram_mb, max_vcpus;
  bool force = false;  ///< Takes a limit below usage; nothing is evicted.
};

/// Registers a tenant for ever. Refuses an id that is or ever was in use, and limits outside 0 to 10^9.
Result<Tenant> create_tenant(Tx& tx, Services& services, const Caller& caller, const TenantOrder& order);

/// The tenant, or `not_found` for one that is missing or deleted.
Result<Tenant> tenant(Reader& reader, const TenantId& id);

/// The tenant, and `precondition_failed` when `if_match` does not hold for it.
Result<Tenant> tenant_at(Reader& reader, const TenantId& id, const Precondition& if_match);

/// Changes the display name and limits. Refuses a limit below usage unless forced.
Result<Tenant> update_tenant(Tx& tx, Services& services, const Caller& caller, const TenantId& id,
                             const TenantPatch& patch, const Precondition& if_match);

/// Suspends an active tenant or resumes a suspended one; doing it twice changes nothing and writes no leaf.
Result<Tenant> set_tenant_state(Tx& tx, Services& services, const Caller& caller, const TenantId& id,
                                TenantState state);

/// Retires the id for ever. Refuses a tenant that still holds something, and names what.
Result<void> delete_tenant(Tx& tx, Services& services, const Caller& caller, const TenantId& id,
                           const Precondition& if_match);

}  // namespace cadastre

#include "service/caller.h"

namespace cadastre {

bool is_platform(const Caller& caller) { return caller.tenant.is_platform(); }

Actor actor_of(const Caller& caller) {
  const std::string scope = caller.scope.text();
  const bool administrator = scope == "service:platform-admin" || scope == "service:tenant-admin";
  return {.kind = administrator ? scope.substr(sizeof("service:") - 1) : "token",
          .token_id = caller.token_id,
          .subject_key = encode_base64url(caller.subject_key)};
}

Result<void> readmit(Reader& tx, const Caller& caller) {
  const auto refused = [](const char* reason) {
    return refuse(Code::unauthenticated, reason, "The token does not hold any more.");
  };
  const auto tenant = tx.tenant(caller.tenant);
  if (!tenant || tenant->state == TenantState::deleted) return refused("tenant_unknown");
  if (caller.generation < tenant->generation) return refused("tenant_generation");
  if (tenant->revocations == 0) return {};
  for (const auto& rid : caller.rids) {
    if (tx.is_revoked(caller.tenant, RevocationKind::token, rid)) return refused("revoked");
  }
  if (tx.is_revoked(caller.tenant, RevocationKind::key, caller.subject_thumbprint))
    return refused("key_revoked:subject");
  return {};
}

}  // namespace cadastre

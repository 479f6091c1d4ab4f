#include "service/caller.h"

#include <algorithm>

#include "token/jws.h"

namespace cadastre {
namespace {

std::unexpected<Refusal> refused(const char* reason) {
  return refuse(Code::unauthenticated, reason, "The token does not hold any more.");
}

/// Whether token and session go on.
Result<void> check_holds(Reader& tx, const Caller& caller, Instant now) {
  if (now >= (caller.session ? caller.session->expires_at : caller.expires_at)) return refused("expired");
  for (const TenantId& place : namespaces_of(caller)) TRY(readmit_in(tx, caller, place));
  return {};
}

}  // namespace

bool is_platform(const Caller& caller) { return caller.tenant.is_platform(); }

bool has_device(Reader& reader, const Caller& caller) {
  const auto device = reader.device(caller.tenant, caller.device);
  return device && device->subject_key == caller.subject_key && device->state == DeviceState::enrolled;
}

Caller system_caller(const TenantId& tenant) {
  return {.tenant = tenant,
          .home = tenant,
          .scope = Scope::read(),
          .token_id = {},
          .rids = {},
          .key_thumbprints = {},
          .expires_at = {},
          .caveats = {},
          .audience = {},
          .request_id = {},
          .is_system = true};
}

Actor actor_of(const Caller& caller) {
  if (caller.is_system) return {.kind = "system"};
  const char* kind = "token";
  if (caller.scope == Scope::tenant_admin()) kind = "tenant-admin";
  if (caller.home.is_platform()) kind = "platform-admin";
  if (!caller.device.empty()) kind = "device";
  return {.kind = kind, .token_id = caller.token_id, .subject_key = encode_base64url(caller.subject_key)};
}

std::vector<TenantId> namespaces_of(const Caller& caller) {
  std::vector<TenantId> places{caller.tenant};
  const bool has_ancestors = caller.rids.size() > caller.elements;
  if (!is_platform(caller) && (caller.home.is_platform() || has_ancestors)) places.push_back(TenantId::platform());
  return places;
}

void add_keys_of_ancestors(Caller& caller, Reader& reader) {
  const auto places = namespaces_of(caller);
  for (std::size_t i = caller.elements; i < caller.rids.size(); ++i) {
    for (const TenantId& place : places) {
      const auto ancestor = reader.token_by_rid(place, caller.rids[i]);
      if (ancestor) caller.key_thumbprints.push_back(thumbprint(ancestor->subject_key));
    }
  }
}

Result<void> readmit_in(Reader& reader, const Caller& caller, const TenantId& place) {
  const auto row = reader.tenant(place);
  if (!row || row->state == TenantState::deleted) return refused("tenant_unknown");
  // A device's token hangs on its device, which a new generation leaves where it is (TOKENS.md section 10).
  const bool is_device = !caller.device.empty();
  if (place == caller.home && !is_device && caller.generation < row->generation) return refused("tenant_generation");
  if (place == caller.tenant && is_device && !has_device(reader, caller)) return refused("device_revoked");
  if (row->revocations == 0) return {};
  const bool has_session = caller.session && place == caller.tenant;
  if (has_session && reader.is_revoked(place, RevocationKind::token, caller.session->rid)) return refused("revoked");
  const auto is_revoked = [&](RevocationKind kind, const std::vector<Bytes<32>>& ids) {
    return std::ranges::any_of(ids, [&](const Bytes<32>& id) { return reader.is_revoked(place, kind, id); });
  };
  if (is_revoked(RevocationKind::token, caller.rids)) return refused("revoked");
  if (is_revoked(RevocationKind::key, caller.key_thumbprints)) return refused("key_revoked:subject");
  return {};
}

Result<void> readmit(Reader& tx, const Caller& caller, Instant now) {
  auto holds = check_holds(tx, caller, now);
  if (holds || !caller.session) return holds;
  return refuse(Code::unauthenticated, "session_ended", "The session is over: open another with its token.");
}

}  // namespace cadastre

#include "service/revocations.h"

#include <algorithm>
#include <span>

#include "service/events.h"
#include "service/session_token.h"
#include "service/sessions.h"
#include "service/tokens.h"

namespace cadastre {
namespace {

constexpr std::chrono::seconds tombstone_margin{300};  // TOKENS.md section 8
constexpr std::string_view token_revoked_reason = "token_revoked";

/// The rid that the text is, if it is one.
std::optional<RevocationId> decode_rid(std::string_view text) {
  const auto bytes = decode_base64url(text);
  return bytes ? exactly<32>(*bytes) : std::nullopt;
}

/// A tenant's own tokens change nothing while it is suspended; the platform may always revoke.
Result<Tenant> revoking_tenant(Reader& reader, const Caller& caller, const TenantId& id) {
  auto tenant = reader.tenant(id);
  if (!tenant) return refuse(Code::not_found, "tenant", "There is no such tenant.");
  if (!is_platform(caller)) TRY(admit_change(*tenant));
  return *std::move(tenant);
}

std::unexpected<Refusal> refuse_what_is_above() {
  return refuse(Code::forbidden, "token", "A token cannot revoke one it was issued under.");
}

/// A link or sub-token may not end what is above it, by its key or with its whole generation either.
Result<void> admit_wide_revocation(const Caller& caller, const TenantId& tenant, const std::optional<PublicKey>& key) {
  if (is_platform(caller) && !tenant.is_platform()) return {};
  if (!key && caller.rids.size() > 1) return refuse_what_is_above();
  if (!key) return {};
  const auto above = std::span(caller.key_thumbprints).subspan(1);
  if (std::ranges::find(above, thumbprint(*key)) != above.end()) return refuse_what_is_above();
  return {};
}

/// What nobody knows the end of is remembered as long as a token can live.
Revocation long_revocation(const Services& services, const TenantId& tenant, RevocationKind kind, const Bytes<32>& id) {
  const Instant now = services.clock.now();
  return {.tenant = tenant,
          .kind = kind,
          .id = id,
          .revoked_at = now,
          .expires_at = now + services.deployment.token_lifetime_max + tombstone_margin};
}

}  // namespace

Result<void> admit_revocation(const Caller& caller, const TenantId& tenant, const std::vector<RevocationId>& rids) {
  if (is_platform(caller) && !tenant.is_platform()) return {};
  const RevocationId& own = caller.rids.front();
  const bool itself_or_below = std::ranges::find(rids, own) != rids.end();
  if (itself_or_below) return {};
  if (!permits(caller.scope, Scope::tenant_admin())) {
    return refuse(Code::insufficient_scope, "scope",
                  "Only service:tenant-admin may revoke another token; this one may revoke itself.");
  }
  const bool is_above = !rids.empty() && std::ranges::find(caller.rids, rids.front()) != caller.rids.end();
  if (is_above) return refuse_what_is_above();
  return {};
}

std::vector<RevocationId> rids_of(const IssuedToken& token) {
  std::vector<RevocationId> rids{token.rid};
  rids.insert(rids.end(), token.ancestors.begin(), token.ancestors.end());
  return rids;
}

void drop_sessions_below(Tx& tx, const Caller& caller, const TenantId& tenant, const RevocationId& rid, Instant now) {
  drop_sessions(tx, caller, tenant, token_revoked_reason, now,
                [&](const Session& session) { return std::ranges::find(session.rids, rid) != session.rids.end(); });
}

void mark_ended(Tx& tx, const Caller& caller, const IssuedToken& token, Instant now) {
  tx.mark_revoked(token.tenant, token.id, now, caller.token_id);
  tx.insert(Revocation{.tenant = token.tenant,
                       .kind = RevocationKind::token,
                       .id = token.rid,
                       .revoked_at = now,
                       .expires_at = token.expires_at + tombstone_margin});
}

Result<void> revoke_token(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                          std::string_view id_or_rid, const Precondition& if_match) {
  TRY(revoking_tenant(tx, caller, tenant));
  const auto found = token(tx, tenant, id_or_rid);
  if (!found) {
    const bool is_own_link = decode_rid(id_or_rid) == caller.rids.front();
    if (is_own_link) return revoke_chain(tx, services, caller, tenant, caller.rids);
    TRY(admit_revocation(caller, tenant, {}));
    return std::unexpected(found.error());
  }
  TRY(admit_revocation(caller, tenant, rids_of(*found)));
  if (!if_match.holds(revision_of(*found))) {
    return refuse(Code::precondition_failed, "If-Match", "The token has changed since: read it again and repeat.");
  }
  if (found->revoked_at) return {};
  const Instant now = services.clock.now();
  mark_ended(tx, caller, *found, now);
  tx.append(token_revoked(*found, caller), now);
  drop_sessions_below(tx, caller, tenant, found->rid, now);
  return {};
}

Result<void> revoke_rid(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                        const RevocationId& rid) {
  return revoke_chain(tx, services, caller, tenant, {rid});
}

Result<void> revoke_chain(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                          const std::vector<RevocationId>& rids) {
  const RevocationId& rid = rids.front();
  if (tx.token_by_rid(tenant, rid)) return revoke_token(tx, services, caller, tenant, encode_base64url(rid));
  TRY(revoking_tenant(tx, caller, tenant));
  TRY(admit_revocation(caller, tenant, rids));
  if (tx.is_revoked(tenant, RevocationKind::token, rid)) return {};
  tx.insert(long_revocation(services, tenant, RevocationKind::token, rid));
  const Instant now = services.clock.now();
  tx.append(rid_revoked(tenant, rid, caller), now);
  drop_sessions_below(tx, caller, tenant, rid, now);
  return {};
}

Result<void> revoke_key(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                        const PublicKey& key) {
  TRY(revoking_tenant(tx, caller, tenant));
  TRY(admit_wide_revocation(caller, tenant, key));
  const Digest id = thumbprint(key);
  if (tx.is_revoked(tenant, RevocationKind::key, id)) return {};
  tx.insert(long_revocation(services, tenant, RevocationKind::key, id));
  const Instant now = services.clock.now();
  tx.append(key_revoked(tenant, key, caller), now);
  drop_sessions(tx, caller, tenant, token_revoked_reason, now,
                [&](const Session& session) { return std::ranges::find(session.keys, id) != session.keys.end(); });
  return {};
}

Result<void> revoke_generation(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant) {
  auto row = TRY(revoking_tenant(tx, caller, tenant));
  TRY(admit_wide_revocation(caller, tenant, std::nullopt));
  ++row.generation;
  tx.update(row);
  const Instant now = services.clock.now();
  tx.append(generation_revoked(row, caller), now);
  drop_sessions(tx, caller, tenant, token_revoked_reason, now, [&](const Session& session) {
    return session.generation < row.generation && token_of(session).home == tenant;
  });
  return {};
}

}  // namespace cadastre

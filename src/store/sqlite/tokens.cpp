#include "store/sqlite/tokens.h"

#include "store/packed_columns.h"
#include "store/tenant_row.h"

namespace cadastre::sqlite {
namespace {

const std::string columns =
    "token_id, rid, scope, subject_key, kid, audience, issuer, label, generation, delegable_depth, requires_pop, "
    "caveats, ancestors, issued_at, not_before, expires_at, issued_by, revoked_at, revoked_by, parent, first_seen, "
    "last_seen, device_id";

IssuedToken token_of(const Rows& rows, const TenantId& tenant) {
  IssuedToken token{.tenant = tenant,
                    .id = rows.blob<16>(0),
                    .rid = rows.blob<32>(1),
                    .scope = rows.text(2),
                    .subject_key = rows.blob<32>(3),
                    .kid = rows.text(4),
                    .audience = rows.text(5),
                    .issuer = rows.text(6),
                    .label = rows.text(7),
                    .generation = rows.integer(8),
                    .delegable_depth = rows.integer(9),
                    .requires_pop = rows.integer(10) != 0,
                    .caveats = rows.text(11),
                    .ancestors = split_ids(rows.bytes(12)),
                    .issued_at = rows.instant(13),
                    .not_before = rows.instant(14),
                    .expires_at = rows.instant(15),
                    .issued_by = rows.text(16),
                    .revoked_at = rows.instant_if_any(17),
                    .revoked_by = rows.text(18),
                    .parent = std::nullopt,
                    .first_seen = rows.instant_if_any(20),
                    .last_seen = rows.instant_if_any(21),
                    .device = rows.text(22)};
  if (!rows.is_null(19)) token.parent = rows.blob<32>(19);
  return token;
}

}  // namespace

TokenTable::TokenTable(Connection& connection)
    : find_(connection, "SELECT " + columns + " FROM token WHERE tenant_id = ?1 AND token_id = ?2"),
      find_by_rid_(connection, "SELECT " + columns + " FROM token WHERE tenant_id = ?1 AND rid = ?2"),
      page_(connection,
            "SELECT " + columns + " FROM token WHERE tenant_id = ?1 AND token_id > ?2 ORDER BY token_id LIMIT ?3"),
      insert_(connection, "INSERT INTO token (tenant_id, " + columns +
                              ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      mark_revoked_(connection,
                    "UPDATE token SET revoked_at = ?3, revoked_by = ?4 WHERE tenant_id = ?1 AND token_id = ?2"),
      mark_seen_(connection,
                 "UPDATE token SET first_seen = coalesce(first_seen, ?3), last_seen = max(coalesce(last_seen, ?3), ?3) "
                 "WHERE tenant_id = ?1 AND token_id = ?2") {}

std::optional<IssuedToken> TokenTable::find(const TenantId& tenant, const TokenId& id) {
  auto rows = find_(tenant.text(), id);
  if (!rows.next()) return std::nullopt;
  return token_of(rows, tenant);
}

std::optional<IssuedToken> TokenTable::find_by_rid(const TenantId& tenant, const RevocationId& rid) {
  auto rows = find_by_rid_(tenant.text(), rid);
  if (!rows.next()) return std::nullopt;
  return token_of(rows, tenant);
}

std::vector<IssuedToken> TokenTable::page(const TenantId& tenant, const TokenQuery& query) {
  std::vector<IssuedToken> tokens;
  const ByteView after = query.after ? ByteView(*query.after) : ByteView();
  auto rows = page_(tenant.text(), after, query.limit);
  while (rows.next()) tokens.push_back(token_of(rows, tenant));
  return tokens;
}

void TokenTable::insert(const IssuedToken& t) {
  const std::string ancestors = join_ids(t.ancestors);
  insert_.run(t.tenant.text(), t.id, t.rid, t.scope, t.subject_key, t.kid, t.audience, t.issuer, t.label, t.generation,
              t.delegable_depth, t.requires_pop, t.caveats, as_bytes(ancestors), t.issued_at, t.not_before,
              t.expires_at, t.issued_by, t.revoked_at, t.revoked_by, t.parent, t.first_seen, t.last_seen, t.device);
}

bool TokenTable::mark_revoked(const TenantId& tenant, const TokenId& id, Instant at, std::string_view by) {
  return mark_revoked_.run(tenant.text(), id, at, by) > 0;
}

bool TokenTable::mark_seen(const TenantId& tenant, const TokenId& id, Instant at) {
  return mark_seen_.run(tenant.text(), id, at) > 0;
}

RevocationTable::RevocationTable(Connection& connection)
    : contains_(connection, "SELECT 1 FROM revocation WHERE tenant_id = ?1 AND kind = ?2 AND id = ?3"),
      after_(connection, "SELECT id FROM revocation WHERE tenant_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"),
      insert_(connection,
              "INSERT INTO revocation (tenant_id, kind, id, revoked_at, expires_at, seq) VALUES (?,?,?,?,?,?) "
              "ON CONFLICT (tenant_id, kind, id) DO NOTHING") {}

bool RevocationTable::contains(const TenantId& tenant, RevocationKind kind, const Bytes<32>& id) {
  return contains_(tenant.text(), kind, id).next();
}

std::vector<Bytes<32>> RevocationTable::after(const TenantId& tenant, std::int64_t known, std::size_t limit) {
  std::vector<Bytes<32>> ids;
  auto rows = after_(tenant.text(), known, limit);
  while (rows.next()) ids.push_back(rows.blob<32>(0));
  return ids;
}

bool RevocationTable::insert(const Revocation& r, std::int64_t seq) {
  return insert_.run(r.tenant.text(), r.kind, r.id, r.revoked_at, r.expires_at, seq) > 0;
}

}  // namespace cadastre::sqlite

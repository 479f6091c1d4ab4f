#include "store/sqlite/links.h"

#include "store/packed_columns.h"
#include "store/tenant_row.h"

namespace cadastre::sqlite {
namespace {

const std::string columns =
    "rid, link_id, parent, root, scope, subject_key, caveats, depth, issued_at, not_before, expires_at, first_seen, "
    "last_seen";

SeenLink link_of(const Rows& rows, const TenantId& tenant) {
  return {.tenant = tenant,
          .rid = rows.blob<32>(0),
          .id = rows.text(1),
          .parent = rows.blob<32>(2),
          .root = rows.blob<32>(3),
          .scope = rows.text(4),
          .subject_key = rows.blob<32>(5),
          .caveats = rows.text(6),
          .depth = rows.integer(7),
          .issued_at = rows.instant(8),
          .not_before = rows.instant(9),
          .expires_at = rows.instant(10),
          .first_seen = rows.instant(11),
          .last_seen = rows.instant(12)};
}

}  // namespace

LinkTable::LinkTable(Connection& connection)
    : find_(connection, "SELECT " + columns + " FROM seen_link WHERE tenant_id = ?1 AND rid = ?2"),
      page_(connection,
            "SELECT " + columns + " FROM seen_link WHERE tenant_id = ?1 AND rid > ?2 ORDER BY rid LIMIT ?3"),
      put_(connection,
           "INSERT OR REPLACE INTO seen_link (tenant_id, " + columns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)") {}

std::optional<SeenLink> LinkTable::find(const TenantId& tenant, const RevocationId& rid) {
  auto rows = find_(tenant.text(), rid);
  if (!rows.next()) return std::nullopt;
  return link_of(rows, tenant);
}

std::vector<SeenLink> LinkTable::page(const TenantId& tenant, const LinkQuery& query) {
  std::vector<SeenLink> links;
  const ByteView after = query.after ? ByteView(*query.after) : ByteView();
  auto rows = page_(tenant.text(), after, query.limit);
  while (rows.next()) links.push_back(link_of(rows, tenant));
  return links;
}

void LinkTable::put(const SeenLink& l) {
  put_.run(l.tenant.text(), l.rid, l.id, l.parent, l.root, l.scope, l.subject_key, l.caveats, l.depth, l.issued_at,
           l.not_before, l.expires_at, l.first_seen, l.last_seen);
}

CounterTable::CounterTable(Connection& connection)
    : find_(connection, "SELECT value FROM caveat_counter WHERE tenant_id = ?1 AND kind = ?2 AND rid = ?3"),
      put_(connection,
           "INSERT OR REPLACE INTO caveat_counter (tenant_id, kind, rid, value, expires_at) VALUES (?,?,?,?,?)"),
      erase_(connection, "DELETE FROM caveat_counter WHERE tenant_id = ?1 AND kind = ?2 AND rid = ?3") {}

std::int64_t CounterTable::find(const TenantId& tenant, CounterKind kind, const RevocationId& rid) {
  auto rows = find_(tenant.text(), kind, rid);
  return rows.next() ? rows.integer(0) : 0;
}

void CounterTable::set(const TenantId& tenant, CounterKind kind, const RevocationId& rid, std::int64_t value,
                       std::optional<Instant> expires_at) {
  if (value == 0)
    erase_.run(tenant.text(), kind, rid);
  else
    put_.run(tenant.text(), kind, rid, value, expires_at);
}

CaveatRateTable::CaveatRateTable(Connection& connection)
    : find_(connection, "SELECT budget FROM caveat_rate WHERE tenant_id = ?1 AND rid = ?2"),
      put_(connection, "INSERT OR REPLACE INTO caveat_rate (tenant_id, rid, budget, expires_at) VALUES (?,?,?,?)"),
      erase_(connection, "DELETE FROM caveat_rate WHERE tenant_id = ?1 AND rid = ?2"),
      expired_(connection,
               "SELECT tenant_id, rid FROM (SELECT tenant_id, rid FROM caveat_counter WHERE expires_at <= ?1 "
               "ORDER BY expires_at LIMIT ?2) "
               "UNION SELECT tenant_id, rid FROM (SELECT tenant_id, rid FROM caveat_rate WHERE expires_at <= ?1 "
               "ORDER BY expires_at LIMIT ?2) ORDER BY tenant_id, rid LIMIT ?2") {}

RateBudget CaveatRateTable::find(const TenantId& tenant, const RevocationId& rid) {
  auto rows = find_(tenant.text(), rid);
  return rows.next() ? stored_rate(rows.bytes(0)) : RateBudget();
}

void CaveatRateTable::set(const TenantId& tenant, const RevocationId& rid, const RateBudget& rate, Instant expires_at) {
  const std::string budget = rate.encode();
  put_.run(tenant.text(), rid, as_bytes(budget), expires_at);
}

void CaveatRateTable::erase(const TenantId& tenant, const RevocationId& rid) { erase_.run(tenant.text(), rid); }

std::vector<ExpiredBearer> CaveatRateTable::expired(Instant at, std::size_t limit) {
  std::vector<ExpiredBearer> bearers;
  auto rows = expired_(at, limit);
  while (rows.next()) bearers.push_back({.tenant = tenant_id_of(rows.bytes(0)), .rid = rows.blob<32>(1)});
  return bearers;
}

}  // namespace cadastre::sqlite

#include "store/sqlite/sessions.h"

#include "store/packed_columns.h"
#include "store/tenant_row.h"

namespace cadastre::sqlite {
namespace {

const std::string columns =
    "session_id, secret_hash, csrf_hash, token_id, subject_key, scope, label, token_grant, rids, key_thumbprints, "
    "generation, opened_at, seen_at, expires_at, idle_s, peer, is_browser";

const std::string ends_at =  // as the index session_by_end has it
    "(CASE WHEN idle_s > 0 THEN min(expires_at, seen_at + idle_s * 1000) ELSE expires_at END)";

Session session_of(const Rows& rows, const TenantId& tenant) {
  return {.tenant = tenant,
          .id = rows.blob<16>(0),
          .secret_hash = rows.blob<32>(1),
          .csrf_hash = rows.blob<32>(2),
          .token_id = rows.text(3),
          .subject_key = rows.blob<32>(4),
          .scope = rows.text(5),
          .label = rows.text(6),
          .grant = rows.text(7),
          .rids = split_ids(rows.bytes(8)),
          .keys = split_ids(rows.bytes(9)),
          .generation = rows.integer(10),
          .opened_at = rows.instant(11),
          .seen_at = rows.instant(12),
          .expires_at = rows.instant(13),
          .idle_s = rows.integer(14),
          .peer = rows.text(15),
          .is_browser = rows.integer(16) != 0};
}

}  // namespace

SessionTable::SessionTable(Connection& connection)
    : find_(connection, "SELECT " + columns + " FROM session WHERE tenant_id = ?1 AND session_id = ?2"),
      page_(connection, "SELECT " + columns +
                            " FROM session WHERE tenant_id = ?1 AND session_id > ?2 ORDER BY session_id LIMIT ?3"),
      ended_(connection, "SELECT " + columns + ", tenant_id FROM session WHERE " + ends_at + " <= ?1 ORDER BY " +
                             ends_at + ", tenant_id, session_id LIMIT ?2"),
      all_(connection, "SELECT " + columns +
                           ", tenant_id FROM session WHERE (tenant_id, session_id) > (?1, ?2) "
                           "ORDER BY tenant_id, session_id LIMIT ?3"),
      put_(connection,
           "INSERT OR REPLACE INTO session (tenant_id, " + columns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      erase_(connection, "DELETE FROM session WHERE tenant_id = ?1 AND session_id = ?2") {}

std::optional<Session> SessionTable::find(const TenantId& tenant, const SessionId& id) {
  auto rows = find_(tenant.text(), id);
  if (!rows.next()) return std::nullopt;
  return session_of(rows, tenant);
}

std::vector<Session> SessionTable::page(const TenantId& tenant, const SessionQuery& query) {
  std::vector<Session> sessions;
  const ByteView after = query.after ? ByteView(*query.after) : ByteView();
  auto rows = page_(tenant.text(), after, query.limit);
  while (rows.next()) sessions.push_back(session_of(rows, tenant));
  return sessions;
}

std::vector<Session> SessionTable::ended(Instant now, std::size_t limit) {
  std::vector<Session> sessions;
  auto rows = ended_(now, limit);
  while (rows.next()) sessions.push_back(session_of(rows, tenant_id_of(rows.bytes(17))));
  return sessions;
}

std::vector<Session> SessionTable::all(const SessionWalk& walk) {
  std::vector<Session> sessions;
  const ByteView after = walk.after ? ByteView(*walk.after) : ByteView();
  auto rows = all_(walk.after_tenant.text(), after, walk.limit);
  while (rows.next()) sessions.push_back(session_of(rows, tenant_id_of(rows.bytes(17))));
  return sessions;
}

void SessionTable::put(const Session& s) {
  const std::string rids = join_ids(s.rids);
  const std::string keys = join_ids(s.keys);
  put_.run(s.tenant.text(), s.id, s.secret_hash, s.csrf_hash, s.token_id, s.subject_key, s.scope, s.label, s.grant,
           as_bytes(rids), as_bytes(keys), s.generation, s.opened_at, s.seen_at, s.expires_at, s.idle_s, s.peer,
           s.is_browser);
}

bool SessionTable::erase(const TenantId& tenant, const SessionId& id) { return erase_.run(tenant.text(), id) > 0; }

}  // namespace cadastre::sqlite

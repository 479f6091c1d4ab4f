#include "store/sqlite/ssh_keys.h"

namespace cadastre::sqlite {
namespace {

SshKey key_of(const Rows& rows, const TenantId& tenant) {
  return {.tenant = tenant,
          .name = rows.text(0),
          .public_key = rows.text(1),
          .created_at = rows.instant(2),
          .created_by = rows.text(3)};
}

}  // namespace

SshKeyTable::SshKeyTable(Connection& connection)
    : find_(connection,
            "SELECT name, public_key, created_at, created_by FROM ssh_key WHERE tenant_id = ?1 AND name = ?2"),
      page_(connection,
            "SELECT name, public_key, created_at, created_by FROM ssh_key WHERE tenant_id = ?1 AND name > ?2 "
            "ORDER BY name LIMIT ?3"),
      put_(connection,
           "INSERT OR REPLACE INTO ssh_key (tenant_id, name, public_key, created_at, created_by) VALUES (?,?,?,?,?)"),
      erase_(connection, "DELETE FROM ssh_key WHERE tenant_id = ?1 AND name = ?2") {}

std::optional<SshKey> SshKeyTable::find(const TenantId& tenant, std::string_view name) {
  auto rows = find_(tenant.text(), name);
  if (!rows.next()) return std::nullopt;
  return key_of(rows, tenant);
}

std::vector<SshKey> SshKeyTable::page(const TenantId& tenant, const NameQuery& query) {
  std::vector<SshKey> keys;
  auto rows = page_(tenant.text(), query.after, query.limit);
  while (rows.next()) keys.push_back(key_of(rows, tenant));
  return keys;
}

void SshKeyTable::put(const SshKey& key) {
  put_.run(key.tenant.text(), key.name, key.public_key, key.created_at, key.created_by);
}

bool SshKeyTable::erase(const TenantId& tenant, std::string_view name) { return erase_.run(tenant.text(), name) > 0; }

}  // namespace cadastre::sqlite

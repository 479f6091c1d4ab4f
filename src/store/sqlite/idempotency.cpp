#include "store/sqlite/idempotency.h"

#include <vector>

namespace cadastre::sqlite {

IdempotencyTable::IdempotencyTable(Connection& connection)
    : find_(connection,
            "SELECT request_hash, status, headers, content_type, body, token_id, expires_at FROM idempotency "
            "WHERE tenant_id = ?1 AND key = ?2 AND expires_at > ?3"),
      insert_(connection,
              "INSERT INTO idempotency (tenant_id, key, request_hash, status, headers, content_type, body, token_id, "
              "expires_at) VALUES (?,?,?,?,?,?,?,?,?)"),
      erase_(connection, "DELETE FROM idempotency WHERE tenant_id = ?1 AND key = ?2 AND expires_at <= ?3"),
      next_(connection,
            "SELECT tenant_id, key, expires_at FROM idempotency WHERE (tenant_id, key) > (?1, ?2) "
            "ORDER BY tenant_id, key LIMIT ?3") {}

std::optional<IdempotentAnswer> IdempotencyTable::find(const TenantId& tenant, const Bytes<32>& key, Instant now) {
  auto rows = find_(tenant.text(), key, now);
  if (!rows.next()) return std::nullopt;
  return IdempotentAnswer{.key = key,
                          .request_hash = rows.blob<32>(0),
                          .status = static_cast<int>(rows.integer(1)),
                          .headers = rows.text(2),
                          .content_type = rows.text(3),
                          .body = rows.text(4),
                          .token_id = rows.text(5),
                          .expires_at = rows.instant(6)};
}

void IdempotencyTable::insert(const TenantId& tenant, const IdempotentAnswer& answer, Instant now) {
  erase_.run(tenant.text(), answer.key, now);
  insert_.run(tenant.text(), answer.key, answer.request_hash, answer.status, answer.headers, answer.content_type,
              answer.body, answer.token_id, answer.expires_at);
}

void IdempotencyTable::sweep(Instant now, std::size_t count) {
  std::vector<std::pair<std::string, std::string>> expired;
  std::size_t seen = 0;
  {
    auto rows = next_(swept_tenant_, as_bytes(swept_key_), count);
    for (; rows.next(); ++seen) {
      std::string tenant = rows.text(0);
      std::string key = rows.text(1);
      if (rows.instant(2) <= now) expired.emplace_back(tenant, key);
      if (seen + 1 == count) swept_tenant_ = std::move(tenant), swept_key_ = std::move(key);
    }
  }
  if (seen < count) swept_tenant_.clear(), swept_key_.clear();
  for (const auto& [tenant, key] : expired) erase_.run(tenant, as_bytes(key), now);
}

SettingTable::SettingTable(Connection& connection)
    : find_(connection, "SELECT value FROM setting WHERE name = ?1"),
      set_(connection,
           "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value") {}

std::optional<std::string> SettingTable::find(std::string_view name) {
  auto rows = find_(name);
  if (!rows.next()) return std::nullopt;
  return rows.text(0);
}

void SettingTable::set(std::string_view name, std::string_view value) { set_.run(name, value); }

}  // namespace cadastre::sqlite

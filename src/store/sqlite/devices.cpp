#include "store/sqlite/devices.h"

namespace cadastre::sqlite {
namespace {

const std::string device_columns =
    "device_id, subject_key, state, scope, token_id, enrolled_at, enrolled_by, approved_at, approved_by, renewed_at, "
    "revision";
const std::string challenge_columns =
    "challenge_id, kind, subject_key, device_id, scope, created_by, wrong_attempts, created_at, expires_at";

Device device_of(const Rows& rows, const TenantId& tenant) {
  return {.tenant = tenant,
          .id = rows.text(0),
          .subject_key = rows.blob<32>(1),
          .state = static_cast<DeviceState>(rows.integer(2)),
          .scope = rows.text(3),
          .token_id = rows.text(4),
          .enrolled_at = rows.instant(5),
          .enrolled_by = rows.text(6),
          .approved_at = rows.instant_if_any(7),
          .approved_by = rows.text(8),
          .renewed_at = rows.instant(9),
          .revision = rows.integer(10)};
}

Challenge challenge_of(const Rows& rows, const TenantId& tenant) {
  return {.tenant = tenant,
          .id = rows.blob<32>(0),
          .kind = static_cast<ChallengeKind>(rows.integer(1)),
          .subject_key = rows.blob<32>(2),
          .device = rows.text(3),
          .scope = rows.text(4),
          .created_by = rows.text(5),
          .wrong_attempts = rows.integer(6),
          .created_at = rows.instant(7),
          .expires_at = rows.instant(8)};
}

}  // namespace

DeviceTable::DeviceTable(Connection& connection)
    : find_(connection, "SELECT " + device_columns + " FROM device WHERE tenant_id = ?1 AND device_id = ?2"),
      page_(connection, "SELECT " + device_columns +
                            " FROM device WHERE tenant_id = ?1 AND device_id > ?2 ORDER BY device_id LIMIT ?3"),
      put_(connection,
           "INSERT OR REPLACE INTO device (tenant_id, " + device_columns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"),
      erase_(connection, "DELETE FROM device WHERE tenant_id = ?1 AND device_id = ?2") {}

std::optional<Device> DeviceTable::find(const TenantId& tenant, std::string_view id) {
  auto rows = find_(tenant.text(), id);
  if (!rows.next()) return std::nullopt;
  return device_of(rows, tenant);
}

std::vector<Device> DeviceTable::page(const TenantId& tenant, const DeviceQuery& query) {
  std::vector<Device> devices;
  auto rows = page_(tenant.text(), query.after, query.limit);
  while (rows.next()) devices.push_back(device_of(rows, tenant));
  return devices;
}

void DeviceTable::put(const Device& d) {
  put_.run(d.tenant.text(), d.id, d.subject_key, d.state, d.scope, d.token_id, d.enrolled_at, d.enrolled_by,
           d.approved_at, d.approved_by, d.renewed_at, d.revision);
}

bool DeviceTable::erase(const TenantId& tenant, std::string_view id) { return erase_.run(tenant.text(), id) > 0; }

ChallengeTable::ChallengeTable(Connection& connection)
    : find_(connection, "SELECT " + challenge_columns + " FROM challenge WHERE tenant_id = ?1 AND challenge_id = ?2"),
      put_(connection,
           "INSERT OR REPLACE INTO challenge (tenant_id, " + challenge_columns + ") VALUES (?,?,?,?,?,?,?,?,?,?)"),
      erase_(connection, "DELETE FROM challenge WHERE tenant_id = ?1 AND challenge_id = ?2"),
      sweep_(connection, "DELETE FROM challenge WHERE tenant_id = ?1 AND expires_at <= ?2") {}

std::optional<Challenge> ChallengeTable::find(const TenantId& tenant, const Bytes<32>& id) {
  auto rows = find_(tenant.text(), id);
  if (!rows.next()) return std::nullopt;
  return challenge_of(rows, tenant);
}

void ChallengeTable::put(const Challenge& c) {
  put_.run(c.tenant.text(), c.id, c.kind, c.subject_key, c.device, c.scope, c.created_by, c.wrong_attempts,
           c.created_at, c.expires_at);
}

bool ChallengeTable::erase(const TenantId& tenant, const Bytes<32>& id) { return erase_.run(tenant.text(), id) > 0; }

void ChallengeTable::sweep(const TenantId& tenant, Instant now) { sweep_.run(tenant.text(), now); }

}  // namespace cadastre::sqlite

#include "store/sqlite/tenants.h"

namespace cadastre::sqlite {
namespace {

const std::string select =
    "SELECT t.tenant_id, display_name, state, max_vms, storage_quota_gb, max_ram_mb, max_vcpus, api_rate_limit_rpm, "
    "used_vms, used_storage_gb, used_ram_mb, used_vcpus, generation, revision, revocations, log_id, vkey, ledger_size, "
    "ledger_last_ts, created_at, updated_at, created_by, access_changes, node_count "
    "FROM tenant t JOIN tenant_usage u ON u.tenant_id = t.tenant_id WHERE t.tenant_id ";

template <class Number>
std::optional<Number> optional_number(const Rows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return Number{rows.integer(column)};
}

Quota quota_of(const Rows& rows) {
  return {.max_vms = VmCount{rows.integer(3)},
          .storage = Gigabytes{rows.integer(4)},
          .max_ram = optional_number<Mebibytes>(rows, 5),
          .max_vcpus = optional_number<VcpuCount>(rows, 6),
          .api_rate = RequestsPerMinute{rows.integer(7)}};
}

Usage usage_of(const Rows& rows) {
  return {.vms = VmCount{rows.integer(8)},
          .storage = Gigabytes{rows.integer(9)},
          .ram = Mebibytes{rows.integer(10)},
          .vcpus = VcpuCount{rows.integer(11)}};
}

Tenant tenant_of(const Rows& rows) {
  return {.id = tenant_id_of(rows.bytes(0)),
          .display_name = rows.text(1),
          .state = static_cast<TenantState>(rows.integer(2)),
          .quota = quota_of(rows),
          .used = usage_of(rows),
          .generation = rows.integer(12),
          .revision = rows.integer(13),
          .revocations = rows.integer(14),
          .access_changes = rows.integer(22),
          .node_count = rows.integer(23),
          .log_id = rows.blob<16>(15),
          .vkey = rows.text(16),
          .created_at = rows.instant(19),
          .updated_at = rows.instant(20),
          .created_by = rows.text(21)};
}

}  // namespace

TenantTable::TenantTable(Connection& connection)
    : find_(connection, select + "= ?1"),
      page_(connection, select + "> ?1 AND state <> ?2 ORDER BY t.tenant_id LIMIT ?3"),
      insert_(connection,
              "INSERT INTO tenant (tenant_id, display_name, state, max_vms, storage_quota_gb, max_ram_mb, max_vcpus, "
              "api_rate_limit_rpm, generation, revocations, access_changes, node_count, log_id, vkey, created_at, "
              "updated_at, "
              "created_by) "
              "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      insert_usage_(connection,
                    "INSERT INTO tenant_usage (tenant_id, used_vms, used_storage_gb, used_ram_mb, used_vcpus, "
                    "revision, ledger_size, ledger_last_ts) VALUES (?,?,?,?,?,?,?,?)"),
      update_usage_(connection,
                    "UPDATE tenant_usage SET used_vms=?2, used_storage_gb=?3, used_ram_mb=?4, used_vcpus=?5, "
                    "revision=?6, ledger_size=?7, ledger_last_ts=?8 WHERE tenant_id=?1"),
      update_details_(connection,
                      "UPDATE tenant SET display_name=?2, state=?3, max_vms=?4, storage_quota_gb=?5, max_ram_mb=?6, "
                      "max_vcpus=?7, api_rate_limit_rpm=?8, generation=?9, revocations=?10, access_changes=?11, "
                      "updated_at=?12, vkey=?13, node_count=?14 WHERE tenant_id=?1") {}

std::optional<TenantRow> TenantTable::find(const TenantId& id) {
  auto rows = find_(id.text());
  if (!rows.next()) return std::nullopt;
  TenantRow row{.tenant = tenant_of(rows), .head = {}};
  row.head = {
      .log_id = row.tenant.log_id, .size = static_cast<std::uint64_t>(rows.integer(17)), .last_ts = rows.instant(18)};
  return row;
}

std::vector<Tenant> TenantTable::page(std::string_view after, std::size_t limit) {
  std::vector<Tenant> tenants;
  auto rows = page_(after, TenantState::deleted, limit);
  while (rows.next()) tenants.push_back(tenant_of(rows));
  return tenants;
}

void TenantTable::insert(const TenantRow& row) {
  const Tenant& t = row.tenant;
  insert_.run(t.id.text(), t.display_name, t.state, t.quota.max_vms, t.quota.storage, t.quota.max_ram,
              t.quota.max_vcpus, t.quota.api_rate, t.generation, t.revocations, t.access_changes, t.node_count,
              t.log_id, t.vkey, t.created_at, t.updated_at, t.created_by);
  insert_usage_.run(t.id.text(), t.used.vms, t.used.storage, t.used.ram, t.used.vcpus, t.revision, row.head.size,
                    row.head.last_ts);
}

void TenantTable::update_usage(const TenantRow& row) {
  const Tenant& t = row.tenant;
  update_usage_.run(t.id.text(), t.used.vms, t.used.storage, t.used.ram, t.used.vcpus, t.revision, row.head.size,
                    row.head.last_ts);
}

void TenantTable::update_details(const Tenant& t) {
  update_details_.run(t.id.text(), t.display_name, t.state, t.quota.max_vms, t.quota.storage, t.quota.max_ram,
                      t.quota.max_vcpus, t.quota.api_rate, t.generation, t.revocations, t.access_changes, t.updated_at,
                      t.vkey, t.node_count);
}

}  // namespace cadastre::sqlite

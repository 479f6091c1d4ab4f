#include "store/moving/moved_tables.h"

#include <algorithm>

#include "base/invariant.h"

namespace cadastre::moving {
namespace {

constexpr auto integer = ColumnType::integer;
constexpr auto text = ColumnType::text;
constexpr auto bytes = ColumnType::bytes;

std::vector<MovedTable> make_tables() {
  return {
      {"tenant",
       1,
       {{"tenant_id", text},
        {"display_name", text},
        {"state", integer},
        {"max_vms", integer},
        {"storage_quota_gb", integer},
        {"max_ram_mb", integer},
        {"max_vcpus", integer},
        {"api_rate_limit_rpm", integer},
        {"generation", integer},
        {"revocations", integer},
        {"access_changes", integer},
        {"node_count", integer},
        {"log_id", bytes},
        {"vkey", text},
        {"created_at", integer},
        {"updated_at", integer},
        {"created_by", text}}},
      {"tenant_usage",
       1,
       {{"tenant_id", text, "u.tenant_id"},
        {"used_vms", integer},
        {"used_storage_gb", integer},
        {"used_ram_mb", integer},
        {"used_vcpus", integer},
        {"revision", integer},
        {"ledger_size", integer},
        {"ledger_last_ts", integer},
        {"published_size", integer, "coalesce(c.published_size, 0)"}},
       "tenant_usage u LEFT JOIN ledger_checkpoint c ON c.tenant_id = u.tenant_id"},
      {"ledger_checkpoint",
       1,
       {{"tenant_id", text}, {"log_id", bytes}, {"published_size", integer}, {"root", bytes}, {"note", text}}},
      // SQLite's engine keeps it in memory. Who waits longest is published first.
      {"unpublished_log",
       1,
       {{"tenant_id", text, "u.tenant_id"}, {"since", integer, "u.ledger_last_ts * 1000"}},
       "tenant_usage u LEFT JOIN ledger_checkpoint c ON c.tenant_id = u.tenant_id "
       "WHERE u.ledger_size > coalesce(c.published_size, 0)"},
      {"vm",
       2,
       {{"tenant_id", text},
        {"vm_id", bytes},
        {"name", text},
        {"vm_type", text},
        {"state", integer},
        {"wish", integer},
        {"ram_mb", integer},
        {"vcpus", integer},
        {"disk_gb", integer},
        {"created_at", integer},
        {"revision", integer},
        {"node_id", text},
        {"started_at", integer},
        {"error", text},
        {"details", text},
        {"charged_to", bytes}}},
      {"token",
       2,
       {{"tenant_id", text},
        {"token_id", bytes},
        {"rid", bytes},
        {"scope", text},
        {"subject_key", bytes},
        {"kid", text},
        {"audience", text},
        {"issuer", text},
        {"label", text},
        {"generation", integer},
        {"delegable_depth", integer},
        {"requires_pop", integer},
        {"caveats", text},
        {"ancestors", bytes},
        {"issued_at", integer},
        {"not_before", integer},
        {"expires_at", integer},
        {"issued_by", text},
        {"revoked_at", integer},
        {"revoked_by", text},
        {"parent", bytes},
        {"first_seen", integer},
        {"last_seen", integer},
        {"device_id", text}}},
      {"revocation",
       3,
       {{"tenant_id", text},
        {"kind", integer},
        {"id", bytes},
        {"revoked_at", integer},
        {"expires_at", integer},
        {"seq", integer}}},
      {"device",
       2,
       {{"tenant_id", text},
        {"device_id", text},
        {"subject_key", bytes},
        {"state", integer},
        {"scope", text},
        {"token_id", text},
        {"enrolled_at", integer},
        {"enrolled_by", text},
        {"approved_at", integer},
        {"approved_by", text},
        {"renewed_at", integer},
        {"revision", integer}}},
      {"node",
       2,
       {{"tenant_id", text},
        {"node_id", text},
        {"device_id", text},
        {"subject_key", bytes},
        {"hostname", text},
        {"boot_id", text},
        {"ram_total_mb", integer},
        {"ram_used_mb", integer},
        {"cores", integer},
        {"cpu_load_pct", integer},
        {"disk_total_gb", integer},
        {"disk_used_gb", integer},
        {"kvm_available", integer},
        {"reserved", integer},
        {"cordoned", integer},
        {"placed_vms", integer},
        {"placed_storage_gb", integer},
        {"placed_ram_mb", integer},
        {"placed_vcpus", integer},
        {"wishes", integer},
        {"enrolled_at", integer},
        {"last_heartbeat", integer},
        {"revision", integer}}},
      {"image",
       2,
       {{"tenant_id", text},
        {"name", text},
        {"format", integer},
        {"url", text},
        {"sha256", bytes},
        {"size_bytes", integer},
        {"initrd_url", text},
        {"initrd_sha256", bytes},
        {"initrd_size_bytes", integer},
        {"cmdline", text},
        {"min_disk_gb", integer},
        {"created_at", integer},
        {"created_by", text}}},
      {"ssh_key",
       2,
       {{"tenant_id", text}, {"name", text}, {"public_key", text}, {"created_at", integer}, {"created_by", text}}},
      {"vm_console", 2, {{"tenant_id", text}, {"vm_id", bytes}, {"bytes", bytes}, {"updated_at", integer}}},
      {"pool_reservation",
       2,
       {{"tenant_id", text},
        {"vm_id", bytes},
        {"vm_tenant_id", text},
        {"vm_revision", integer},
        {"node_id", text},
        {"disk_gb", integer},
        {"ram_mb", integer},
        {"vcpus", integer},
        {"hold", integer},
        {"report", text},
        {"is_report_new", integer},
        {"created_at", integer},
        {"revision", integer}}},
      {"pool_news", 2, {{"tenant_id", text}, {"vm_id", bytes}, {"pool_id", text}, {"number", integer}}},
      {"challenge",
       2,
       {{"tenant_id", text},
        {"challenge_id", bytes},
        {"kind", integer},
        {"subject_key", bytes},
        {"device_id", text},
        {"scope", text},
        {"created_by", text},
        {"wrong_attempts", integer},
        {"created_at", integer},
        {"expires_at", integer}}},
      {"session",
       2,
       {{"tenant_id", text},
        {"session_id", bytes},
        {"secret_hash", bytes},
        {"csrf_hash", bytes},
        {"token_id", text},
        {"subject_key", bytes},
        {"scope", text},
        {"label", text},
        {"token_grant", text},
        {"rids", bytes},
        {"key_thumbprints", bytes},
        {"generation", integer},
        {"opened_at", integer},
        {"seen_at", integer},
        {"expires_at", integer},
        {"idle_s", integer},
        {"peer", text},
        {"is_browser", integer}}},
      {"seen_link",
       2,
       {{"tenant_id", text},
        {"rid", bytes},
        {"link_id", text},
        {"parent", bytes},
        {"root", bytes},
        {"scope", text},
        {"subject_key", bytes},
        {"caveats", text},
        {"depth", integer},
        {"issued_at", integer},
        {"not_before", integer},
        {"expires_at", integer},
        {"first_seen", integer},
        {"last_seen", integer}}},
      {"caveat_counter",
       3,
       {{"tenant_id", text}, {"kind", integer}, {"rid", bytes}, {"value", integer}, {"expires_at", integer}}},
      {"caveat_rate", 2, {{"tenant_id", text}, {"rid", bytes}, {"budget", bytes}, {"expires_at", integer}}},
      {"signing_key",
       2,
       {{"tenant_id", text},
        {"kid", text},
        {"public_key", bytes},
        {"state", integer},
        {"created_at", integer},
        {"activated_at", integer},
        {"retired_at", integer},
        {"revoked_at", integer},
        {"last_expiry", integer}}},
      {"ledger_leaf",
       2,
       {{"tenant_id", text}, {"seq", integer}, {"ts", integer}, {"type", integer}, {"hash", bytes}, {"bytes", text}}},
      {"idempotency",
       2,
       {{"tenant_id", text},
        {"key", bytes},
        {"request_hash", bytes},
        {"status", integer},
        {"headers", text},
        {"content_type", text},
        {"body", text},
        {"token_id", text},
        {"expires_at", integer}}},
      {"published_file",
       3,
       {{"tenant_id", text}, {"log_id", bytes}, {"path", text}, {"bytes", bytes}, {"shown", integer}},
       nullptr,
       true},
      {"setting", 1, {{"name", text}, {"value", text}}},
  };
}

std::string_view source_of(const MovedColumn& column) { return column.source != nullptr ? column.source : column.name; }

}  // namespace

std::size_t MovedTable::place_of(std::string_view column) const {
  const auto found = std::ranges::find(columns, column, &MovedColumn::name);
  CHECK_INVARIANT(found != columns.end());
  return static_cast<std::size_t>(found - columns.begin());
}

const std::vector<MovedTable>& moved_tables() {
  static const std::vector<MovedTable> tables = make_tables();
  return tables;
}

const MovedTable& moved_table(std::string_view name) {
  const auto found = std::ranges::find(moved_tables(), name, &MovedTable::name);
  CHECK_INVARIANT(found != moved_tables().end());
  return *found;
}

std::string column_list(const MovedTable& table) {
  std::string list;
  for (const MovedColumn& column : table.columns) (list += list.empty() ? "" : ", ") += column.name;
  return list;
}

std::string source_query(const MovedTable& table) {
  std::string columns;
  std::string order;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    (columns += i == 0 ? "" : ", ") += source_of(table.columns[i]);
    if (i < table.key_columns) (order += i == 0 ? "" : ", ") += source_of(table.columns[i]);
  }
  const std::string from = table.source != nullptr ? table.source : std::string(table.name);
  return "SELECT " + columns + " FROM " + from + " ORDER BY " + order;
}

std::string target_query(const MovedTable& table) {
  std::string order;
  for (std::size_t i = 0; i < table.key_columns; ++i) {
    (order += i == 0 ? "" : ", ") += table.columns[i].name;
    if (table.columns[i].type == text) order += " COLLATE \"C\"";
  }
  return "SELECT " + column_list(table) + " FROM " + std::string(table.name) + " ORDER BY " + order;
}

}  // namespace cadastre::moving

#include "store/sqlite/nodes.h"

namespace cadastre::sqlite {
namespace {

const std::string columns =
    "node_id, device_id, subject_key, hostname, boot_id, ram_total_mb, ram_used_mb, cores, cpu_load_pct, "
    "disk_total_gb, disk_used_gb, kvm_available, reserved, cordoned, placed_vms, placed_storage_gb, placed_ram_mb, "
    "placed_vcpus, wishes, enrolled_at, last_heartbeat, revision";

Node node_of(const Rows& rows, const TenantId& tenant) {
  return {.tenant = tenant,
          .id = rows.text(0),
          .device = rows.text(1),
          .subject_key = rows.blob<32>(2),
          .facts = {.hostname = rows.text(3),
                    .boot_id = rows.text(4),
                    .ram_total = Mebibytes{rows.integer(5)},
                    .ram_used = Mebibytes{rows.integer(6)},
                    .cores = VcpuCount{rows.integer(7)},
                    .cpu_load_pct = rows.integer(8),
                    .disk_total = Gigabytes{rows.integer(9)},
                    .disk_used = Gigabytes{rows.integer(10)},
                    .kvm_available = rows.integer(11) != 0,
                    .reserved = rows.integer(12) != 0},
          .cordoned = rows.integer(13) != 0,
          .placed = {.vms = VmCount{rows.integer(14)},
                     .storage = Gigabytes{rows.integer(15)},
                     .ram = Mebibytes{rows.integer(16)},
                     .vcpus = VcpuCount{rows.integer(17)}},
          .wishes = rows.integer(18),
          .enrolled_at = rows.instant(19),
          .last_heartbeat = rows.instant_if_any(20),
          .revision = rows.integer(21)};
}

}  // namespace

NodeTable::NodeTable(Connection& connection)
    : find_(connection, "SELECT " + columns + " FROM node WHERE tenant_id = ?1 AND node_id = ?2"),
      page_(connection,
            "SELECT " + columns + " FROM node WHERE tenant_id = ?1 AND node_id > ?2 ORDER BY node_id LIMIT ?3"),
      put_(connection, "INSERT OR REPLACE INTO node (tenant_id, " + columns +
                           ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      erase_(connection, "DELETE FROM node WHERE tenant_id = ?1 AND node_id = ?2") {}

std::optional<Node> NodeTable::find(const TenantId& tenant, std::string_view id) {
  auto rows = find_(tenant.text(), id);
  if (!rows.next()) return std::nullopt;
  return node_of(rows, tenant);
}

std::vector<Node> NodeTable::page(const TenantId& tenant, const NodeQuery& query) {
  std::vector<Node> nodes;
  auto rows = page_(tenant.text(), query.after, query.limit);
  while (rows.next()) nodes.push_back(node_of(rows, tenant));
  return nodes;
}

void NodeTable::put(const Node& n) {
  const NodeFacts& f = n.facts;
  put_.run(n.tenant.text(), n.id, n.device, n.subject_key, f.hostname, f.boot_id, f.ram_total, f.ram_used, f.cores,
           f.cpu_load_pct, f.disk_total, f.disk_used, f.kvm_available, f.reserved, n.cordoned, n.placed.vms,
           n.placed.storage, n.placed.ram, n.placed.vcpus, n.wishes, n.enrolled_at, n.last_heartbeat, n.revision);
}

bool NodeTable::erase(const TenantId& tenant, std::string_view id) { return erase_.run(tenant.text(), id) > 0; }

}  // namespace cadastre::sqlite

#include "store/sqlite/vms.h"

#include <algorithm>

#include "store/packed_columns.h"
#include "store/tenant_row.h"

namespace cadastre::sqlite {
namespace {

const std::string columns =
    "vm_id, name, vm_type, state, wish, ram_mb, vcpus, disk_gb, created_at, revision, node_id, started_at, error, "
    "details, charged_to";

// As the index has it. Left to itself SQLite may look through all VMs of the tenant.
const std::string waits = "vm INDEXED BY vm_waiting WHERE node_id IS NULL AND state = 0 AND wish = 0";

/// Rows reserved ahead of reading; a page is seldom longer.
constexpr std::size_t rows_expected = 16;

Vm vm_of(const Rows& rows, const TenantId& tenant) {
  Vm vm{.id = VmId::of(rows.blob<16>(0)),
        .tenant = tenant,
        .name = rows.text(1),
        .vm_type = rows.text(2),
        .state = static_cast<VmState>(rows.integer(3)),
        .wish = static_cast<VmWish>(rows.integer(4)),
        .ram = Mebibytes{rows.integer(5)},
        .vcpus = VcpuCount{rows.integer(6)},
        .disk = Gigabytes{rows.integer(7)},
        .preferred_node = {},
        .ports = {},
        .node_id = rows.text(10),
        .host_ports = {},
        .created_at = rows.instant(8),
        .started_at = std::nullopt,
        .error = rows.text(12),
        .revision = rows.integer(9)};
  if (!rows.is_null(11)) vm.started_at = rows.instant(11);
  if (!rows.is_null(13)) decode_vm_details(rows.bytes(13), vm);
  if (!rows.is_null(14)) vm.charged_to = split_ids(rows.bytes(14));
  return vm;
}

}  // namespace

VmTable::VmTable(Connection& connection)
    : find_(connection, "SELECT " + columns + " FROM vm WHERE tenant_id = ?1 AND vm_id = ?2"),
      page_(connection, "SELECT " + columns + " FROM vm WHERE tenant_id = ?1 AND vm_id > ?2 ORDER BY vm_id LIMIT ?3"),
      filtered_page_(connection, "SELECT " + columns +
                                     " FROM vm WHERE tenant_id = ?1 AND vm_id > ?2"
                                     " AND (?4 IS NULL OR state = ?4) AND (?5 IS NULL OR node_id = ?5)"
                                     " AND (?6 IS NULL OR name = ?6) ORDER BY vm_id LIMIT ?3"),
      next_waiting_tenant_(connection, "SELECT min(tenant_id) FROM " + waits + " AND tenant_id > ?1"),
      waiting_(connection, "SELECT " + columns + " FROM vm WHERE tenant_id = ?1 AND vm_id IN (SELECT vm_id FROM " +
                               waits +
                               " AND tenant_id = ?1 AND vm_id > ?2 AND ram_mb <= ?3 AND vcpus <= ?4 AND disk_gb <= ?5 "
                               "ORDER BY vm_id LIMIT ?6) ORDER BY vm_id"),
      count_(connection, "SELECT count(*) FROM vm WHERE tenant_id = ?1 AND state = ?2"),
      usage_(connection,
             "SELECT count(*), coalesce(sum(disk_gb), 0), coalesce(sum(ram_mb), 0), coalesce(sum(vcpus), 0) FROM vm "
             "WHERE tenant_id = ?1"),
      insert_(connection, "INSERT INTO vm (tenant_id, " + columns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      update_(connection,
              "UPDATE vm SET name=?3, vm_type=?4, state=?5, wish=?6, ram_mb=?7, vcpus=?8, disk_gb=?9, created_at=?10, "
              "revision=?11, node_id=?12, started_at=?13, error=?14, details=?15, charged_to=?16 WHERE tenant_id=?1 "
              "AND vm_id=?2"),
      erase_(connection, "DELETE FROM vm WHERE tenant_id = ?1 AND vm_id = ?2") {}

std::optional<Vm> VmTable::find(const TenantId& tenant, const VmId& id) {
  auto rows = find_(tenant.text(), id.bytes());
  if (!rows.next()) return std::nullopt;
  return vm_of(rows, tenant);
}

std::vector<Vm> VmTable::page(const TenantId& tenant, const VmQuery& query) {
  const ByteView after = query.after ? ByteView(query.after->bytes()) : ByteView();
  std::vector<Vm> vms;
  vms.reserve(std::min(query.limit, rows_expected));
  const auto read = [&](Rows rows) {
    while (rows.next()) vms.push_back(vm_of(rows, tenant));
  };
  if (query.state || !query.node_id.empty() || !query.name.empty()) {
    read(filtered_page_(tenant.text(), after, query.limit, query.state, TextOrNull{query.node_id},
                        TextOrNull{query.name}));
  } else {
    read(page_(tenant.text(), after, query.limit));
  }
  return vms;
}

std::optional<TenantId> VmTable::next_waiting_tenant(const TenantId& after) {
  auto rows = next_waiting_tenant_(after.text());
  rows.next();
  return rows.is_null(0) ? std::nullopt : std::optional(tenant_id_of(rows.bytes(0)));
}

std::vector<Vm> VmTable::waiting(const TenantId& tenant, const WaitingQuery& query) {
  std::vector<Vm> vms;
  const ByteView after = query.after ? ByteView(query.after->bytes()) : ByteView();
  auto rows = waiting_(tenant.text(), after, query.most.ram, query.most.vcpus, query.most.disk, query.limit);
  while (rows.next()) vms.push_back(vm_of(rows, tenant));
  return vms;
}

std::int64_t VmTable::count(const TenantId& tenant, VmState state) {
  auto rows = count_(tenant.text(), state);
  return rows.next() ? rows.integer(0) : 0;
}

Usage VmTable::usage(const TenantId& tenant) {
  auto rows = usage_(tenant.text());
  rows.next();
  return {.vms = VmCount{rows.integer(0)},
          .storage = Gigabytes{rows.integer(1)},
          .ram = Mebibytes{rows.integer(2)},
          .vcpus = VcpuCount{rows.integer(3)}};
}

void VmTable::insert(const Vm& vm) {
  const std::string details = encode_vm_details(vm);
  const std::string charged_to = join_ids(vm.charged_to);
  insert_.run(vm.tenant.text(), vm.id.bytes(), vm.name, vm.vm_type, vm.state, vm.wish, vm.ram, vm.vcpus, vm.disk,
              vm.created_at, vm.revision, TextOrNull{vm.node_id}, vm.started_at, TextOrNull{vm.error},
              TextOrNull{details}, bytes_or_null(charged_to));
}

bool VmTable::update(const Vm& vm) {
  const std::string details = encode_vm_details(vm);
  const std::string charged_to = join_ids(vm.charged_to);
  return update_.run(vm.tenant.text(), vm.id.bytes(), vm.name, vm.vm_type, vm.state, vm.wish, vm.ram, vm.vcpus, vm.disk,
                     vm.created_at, vm.revision, TextOrNull{vm.node_id}, vm.started_at, TextOrNull{vm.error},
                     TextOrNull{details}, bytes_or_null(charged_to)) > 0;
}

bool VmTable::erase(const TenantId& tenant, const VmId& id) { return erase_.run(tenant.text(), id.bytes()) > 0; }

}  // namespace cadastre::sqlite

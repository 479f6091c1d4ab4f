#include "store/sqlite/pool.h"

#include "store/packed_columns.h"
#include "store/pool_row.h"

namespace cadastre::sqlite {
namespace {

const std::string columns =
    "tenant_id, vm_id, vm_tenant_id, vm_revision, node_id, disk_gb, ram_mb, vcpus, hold, report, is_report_new, "
    "created_at, revision";

std::vector<PoolReservation> all_of(Rows rows) {
  std::vector<PoolReservation> all;
  while (rows.next()) all.push_back(pool_reservation_of(rows));
  return all;
}

}  // namespace

PoolReservationTable::PoolReservationTable(Connection& connection)
    : find_(connection, "SELECT " + columns + " FROM pool_reservation WHERE tenant_id = ?1 AND vm_id = ?2"),
      of_node_(connection,
               "SELECT " + columns +
                   " FROM pool_reservation WHERE tenant_id = ?1 AND node_id = ?2 ORDER BY tenant_id, vm_id"),
      all_(connection, "SELECT " + columns +
                           " FROM pool_reservation WHERE (tenant_id, vm_id) > (?1, ?2) "
                           "ORDER BY tenant_id, vm_id LIMIT ?3"),
      put_(connection, "INSERT OR REPLACE INTO pool_reservation (" + columns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      erase_(connection, "DELETE FROM pool_reservation WHERE tenant_id = ?1 AND vm_id = ?2") {}

std::optional<PoolReservation> PoolReservationTable::find(const TenantId& pool, const VmId& vm) {
  auto rows = find_(pool.text(), vm.bytes());
  if (!rows.next()) return std::nullopt;
  return pool_reservation_of(rows);
}

std::vector<PoolReservation> PoolReservationTable::of_node(const TenantId& pool, std::string_view node_id) {
  return all_of(of_node_(pool.text(), node_id));
}

std::vector<PoolReservation> PoolReservationTable::all(const PoolWalk& walk) {
  const ByteView after = walk.after ? ByteView(walk.after->bytes()) : ByteView();
  return all_of(all_(walk.after_pool.text(), after, walk.limit));
}

void PoolReservationTable::put(const PoolReservation& r) {
  const std::string report = r.report ? encode_report(*r.report) : std::string();
  put_.run(r.pool.text(), r.vm.bytes(), r.vm_tenant.text(), r.vm_revision, r.node_id, r.charge.disk, r.charge.ram,
           r.charge.vcpus, r.hold, TextOrNull{report}, r.is_report_new, r.created_at, r.revision);
}

void PoolReservationTable::erase(const TenantId& pool, const VmId& vm) { erase_.run(pool.text(), vm.bytes()); }

PoolNewsTable::PoolNewsTable(Connection& connection)
    : all_(connection, "SELECT tenant_id, vm_id, pool_id, number FROM pool_news ORDER BY tenant_id, vm_id LIMIT ?1"),
      put_(connection, "INSERT OR REPLACE INTO pool_news (tenant_id, vm_id, pool_id, number) VALUES (?,?,?,?)"),
      erase_(connection, "DELETE FROM pool_news WHERE tenant_id = ?1 AND vm_id = ?2 AND number = ?3") {}

std::vector<PoolNews> PoolNewsTable::all(std::size_t limit) {
  std::vector<PoolNews> all;
  auto rows = all_(limit);
  while (rows.next()) all.push_back(pool_news_of(rows));
  return all;
}

void PoolNewsTable::put(const PoolNews& news) {
  put_.run(news.tenant.text(), news.vm.bytes(), news.pool.text(), news.number);
}

void PoolNewsTable::erase(const PoolNews& news) { erase_.run(news.tenant.text(), news.vm.bytes(), news.number); }

}  // namespace cadastre::sqlite

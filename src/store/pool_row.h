// Room on the shared pool and news of it, as rows of either engine, and back.
#pragma once

#include <string>

#include "service/ports.h"
#include "store/packed_columns.h"
#include "store/tenant_row.h"

namespace cadastre {

/// From the columns tenant_id, vm_id, vm_tenant_id, vm_revision, node_id, disk_gb, ram_mb, vcpus, hold, report,
/// is_report_new, created_at and revision, in this order.
template <class Rows>
PoolReservation pool_reservation_of(const Rows& rows) {
  PoolReservation reservation{.pool = tenant_id_of(rows.bytes(0)),
                              .vm = VmId::of(rows.template blob<16>(1)),
                              .vm_tenant = tenant_id_of(rows.bytes(2)),
                              .vm_revision = rows.integer(3),
                              .node_id = rows.text(4),
                              .charge = {.disk = Gigabytes{rows.integer(5)},
                                         .ram = Mebibytes{rows.integer(6)},
                                         .vcpus = VcpuCount{rows.integer(7)}},
                              .hold = static_cast<PoolHold>(rows.integer(8)),
                              .is_report_new = rows.integer(10) != 0,
                              .created_at = rows.instant(11),
                              .revision = rows.integer(12)};
  if (!rows.is_null(9)) reservation.report = decode_report(rows.bytes(9), reservation.vm);
  return reservation;
}

/// From the columns tenant_id, vm_id, pool_id and number, in this order.
template <class Rows>
PoolNews pool_news_of(const Rows& rows) {
  return {.tenant = tenant_id_of(rows.bytes(0)),
          .vm = VmId::of(rows.template blob<16>(1)),
          .pool = tenant_id_of(rows.bytes(2)),
          .number = rows.integer(3)};
}

}  // namespace cadastre

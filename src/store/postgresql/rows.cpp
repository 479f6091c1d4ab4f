#include "store/postgresql/rows.h"

#include "store/packed_columns.h"

namespace cadastre::postgresql {
namespace {

template <class Number>
std::optional<Number> optional_number(const Rows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return Number{rows.integer(column)};
}

std::uint64_t size_in(const Rows& rows, int column) { return static_cast<std::uint64_t>(rows.integer(column)); }

}  // namespace

void read_usage(const Rows& rows, NamespaceRow& row) {
  row.tenant.used = {.vms = VmCount{rows.integer(1)},
                     .storage = Gigabytes{rows.integer(2)},
                     .ram = Mebibytes{rows.integer(3)},
                     .vcpus = VcpuCount{rows.integer(4)}};
  row.tenant.revision = rows.integer(5);
  row.head.size = size_in(rows, 6);
  row.head.last_ts = rows.instant(7);
  row.published_size = size_in(rows, 8);
}

void read_details(const Rows& rows, int first, NamespaceRow& row) {
  Tenant& t = row.tenant;
  t.display_name = rows.text(first + 1);
  t.state = static_cast<TenantState>(rows.integer(first + 2));
  t.quota = {.max_vms = VmCount{rows.integer(first + 3)},
             .storage = Gigabytes{rows.integer(first + 4)},
             .max_ram = optional_number<Mebibytes>(rows, first + 5),
             .max_vcpus = optional_number<VcpuCount>(rows, first + 6),
             .api_rate = RequestsPerMinute{rows.integer(first + 7)}};
  t.generation = rows.integer(first + 8);
  t.revocations = rows.integer(first + 9);
  t.access_changes = rows.integer(first + 10);
  t.node_count = rows.integer(first + 11);
  t.log_id = row.head.log_id = rows.blob<16>(first + 12);
  t.vkey = rows.text(first + 13);
  t.created_at = rows.instant(first + 14);
  t.updated_at = rows.instant(first + 15);
  t.created_by = rows.text(first + 16);
}

NamespaceRow namespace_of(const Rows& rows) {
  NamespaceRow row{{.tenant = {.id = tenant_id_of(rows.bytes(0))}, .head = {}}};
  read_usage(rows, row);
  read_details(rows, usage_columns, row);
  return row;
}

Vm vm_of(const Rows& rows) {
  Vm vm{.id = VmId::of(rows.blob<16>(1)),
        .tenant = tenant_id_of(rows.bytes(0)),
        .name = rows.text(2),
        .vm_type = rows.text(3),
        .state = static_cast<VmState>(rows.integer(4)),
        .wish = static_cast<VmWish>(rows.integer(5)),
        .ram = Mebibytes{rows.integer(6)},
        .vcpus = VcpuCount{rows.integer(7)},
        .disk = Gigabytes{rows.integer(8)},
        .preferred_node = {},
        .ports = {},
        .node_id = rows.text(11),
        .host_ports = {},
        .created_at = rows.instant(9),
        .started_at = std::nullopt,
        .error = rows.text(13),
        .revision = rows.integer(10)};
  if (!rows.is_null(12)) vm.started_at = rows.instant(12);
  if (!rows.is_null(14)) decode_vm_details(rows.bytes(14), vm);
  if (!rows.is_null(15)) vm.charged_to = split_ids(rows.bytes(15));
  return vm;
}

IssuedToken token_of(const Rows& rows) {
  IssuedToken token{.tenant = tenant_id_of(rows.bytes(0)),
                    .id = rows.blob<16>(1),
                    .rid = rows.blob<32>(2),
                    .scope = rows.text(3),
                    .subject_key = rows.blob<32>(4),
                    .kid = rows.text(5),
                    .audience = rows.text(6),
                    .issuer = rows.text(7),
                    .label = rows.text(8),
                    .generation = rows.integer(9),
                    .delegable_depth = rows.integer(10),
                    .requires_pop = rows.integer(11) != 0,
                    .caveats = rows.text(12),
                    .ancestors = split_ids(rows.bytes(13)),
                    .issued_at = rows.instant(14),
                    .not_before = rows.instant(15),
                    .expires_at = rows.instant(16),
                    .issued_by = rows.text(17),
                    .revoked_at = rows.instant_if_any(18),
                    .revoked_by = rows.text(19),
                    .parent = std::nullopt,
                    .first_seen = rows.instant_if_any(21),
                    .last_seen = rows.instant_if_any(22),
                    .device = rows.text(23)};
  if (!rows.is_null(20)) token.parent = rows.blob<32>(20);
  return token;
}

Leaf leaf_of(const Rows& rows) {
  return {.seq = size_in(rows, 0),
          .ts = rows.instant(1),
          .type = static_cast<EventType>(rows.integer(2)),
          .hash = rows.blob<32>(3),
          .bytes = rows.text(4)};
}

LogState log_of(const Rows& rows) {
  return {.tenant = tenant_id_of(rows.bytes(0)),
          .head = {.log_id = rows.blob<16>(1), .size = size_in(rows, 2), .last_ts = rows.instant(3)},
          .vkey = rows.text(4),
          .published_size = size_in(rows, 5)};
}

void add_usage(Columns& columns, const NamespaceRow& row) {
  const Tenant& t = row.tenant;
  columns.add(t.id.text(), t.used.vms, t.used.storage, t.used.ram, t.used.vcpus, t.revision, row.head.size,
              row.head.last_ts, row.published_size);
}

void add_whole_details(Columns& columns, const Tenant& t) {
  columns.add(t.id.text(), t.display_name, t.state, t.quota.max_vms, t.quota.storage, t.quota.max_ram,
              t.quota.max_vcpus, t.quota.api_rate, t.generation, t.revocations, t.access_changes, t.node_count,
              t.log_id, t.vkey, t.created_at, t.updated_at, t.created_by);
}

void add_details(Columns& columns, const Tenant& t) {
  columns.add(t.id.text(), t.display_name, t.state, t.quota.max_vms, t.quota.storage, t.quota.max_ram,
              t.quota.max_vcpus, t.quota.api_rate, t.generation, t.revocations, t.access_changes, t.node_count,
              t.updated_at, t.vkey);
}

void add_vm(Columns& columns, const Vm& vm) {
  const std::string details = encode_vm_details(vm);
  const std::string charged_to = join_ids(vm.charged_to);
  columns.add(vm.tenant.text(), vm.id.bytes(), vm.name, vm.vm_type, vm.state, vm.wish, vm.ram, vm.vcpus, vm.disk,
              vm.created_at, vm.revision, TextOrNull{vm.node_id}, vm.started_at, TextOrNull{vm.error},
              TextOrNull{details}, bytes_or_null(charged_to));
}

void add_token(Columns& columns, const IssuedToken& t) {
  const std::string ancestors = join_ids(t.ancestors);
  columns.add(t.tenant.text(), t.id, t.rid, t.scope, t.subject_key, t.kid, t.audience, t.issuer, t.label, t.generation,
              t.delegable_depth, t.requires_pop, t.caveats, as_bytes(ancestors), t.issued_at, t.not_before,
              t.expires_at, t.issued_by, t.revoked_at, t.revoked_by, t.parent, t.first_seen, t.last_seen, t.device);
}

void add_leaf(Columns& columns, const TenantId& tenant, const Leaf& leaf) {
  columns.add(tenant.text(), leaf.seq, leaf.ts, leaf.type, leaf.hash, leaf.bytes);
}

void add_answer(Columns& columns, const TenantId& tenant, const IdempotentAnswer& a) {
  columns.add(tenant.text(), a.key, a.request_hash, a.status, a.headers, a.content_type, a.body, a.token_id,
              a.expires_at);
}

}  // namespace cadastre::postgresql

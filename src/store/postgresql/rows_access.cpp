// Devices, nodes, images, SSH keys, consoles, the pool, challenges, sessions, links and issuer keys as rows, and back.
#include "store/packed_columns.h"
#include "store/postgresql/rows.h"

namespace cadastre::postgresql {

Device device_of(const Rows& rows) {
  return {.tenant = tenant_id_of(rows.bytes(0)),
          .id = rows.text(1),
          .subject_key = rows.blob<32>(2),
          .state = static_cast<DeviceState>(rows.integer(3)),
          .scope = rows.text(4),
          .token_id = rows.text(5),
          .enrolled_at = rows.instant(6),
          .enrolled_by = rows.text(7),
          .approved_at = rows.instant_if_any(8),
          .approved_by = rows.text(9),
          .renewed_at = rows.instant(10),
          .revision = rows.integer(11)};
}

Node node_of(const Rows& rows) {
  return {.tenant = tenant_id_of(rows.bytes(0)),
          .id = rows.text(1),
          .device = rows.text(2),
          .subject_key = rows.blob<32>(3),
          .facts = {.hostname = rows.text(4),
                    .boot_id = rows.text(5),
                    .ram_total = Mebibytes{rows.integer(6)},
                    .ram_used = Mebibytes{rows.integer(7)},
                    .cores = VcpuCount{rows.integer(8)},
                    .cpu_load_pct = rows.integer(9),
                    .disk_total = Gigabytes{rows.integer(10)},
                    .disk_used = Gigabytes{rows.integer(11)},
                    .kvm_available = rows.integer(12) != 0,
                    .reserved = rows.integer(13) != 0},
          .cordoned = rows.integer(14) != 0,
          .placed = {.vms = VmCount{rows.integer(15)},
                     .storage = Gigabytes{rows.integer(16)},
                     .ram = Mebibytes{rows.integer(17)},
                     .vcpus = VcpuCount{rows.integer(18)}},
          .wishes = rows.integer(19),
          .enrolled_at = rows.instant(20),
          .last_heartbeat = rows.instant_if_any(21),
          .revision = rows.integer(22)};
}

Image image_of(const Rows& rows) {
  Image image{.tenant = tenant_id_of(rows.bytes(0)),
              .facts = {.name = rows.text(1),
                        .format = static_cast<ImageFormat>(rows.integer(2)),
                        .file = {.url = rows.text(3), .sha256 = rows.blob<32>(4), .size_bytes = rows.integer(5)},
                        .cmdline = rows.text(9),
                        .min_disk = Gigabytes{rows.integer(10)}},
              .created_at = rows.instant(11),
              .created_by = rows.text(12)};
  if (!rows.is_null(6)) {
    image.facts.initrd = {.url = rows.text(6), .sha256 = rows.blob<32>(7), .size_bytes = rows.integer(8)};
  }
  return image;
}

SshKey ssh_key_of(const Rows& rows) {
  return {.tenant = tenant_id_of(rows.bytes(0)),
          .name = rows.text(1),
          .public_key = rows.text(2),
          .created_at = rows.instant(3),
          .created_by = rows.text(4)};
}

VmConsole vm_console_of(const Rows& rows) {
  return {.tenant = tenant_id_of(rows.bytes(0)),
          .vm = VmId::of(rows.blob<16>(1)),
          .bytes = rows.text(2),
          .updated_at = rows.instant(3)};
}

Challenge challenge_of(const Rows& rows) {
  return {.tenant = tenant_id_of(rows.bytes(0)),
          .id = rows.blob<32>(1),
          .kind = static_cast<ChallengeKind>(rows.integer(2)),
          .subject_key = rows.blob<32>(3),
          .device = rows.text(4),
          .scope = rows.text(5),
          .created_by = rows.text(6),
          .wrong_attempts = rows.integer(7),
          .created_at = rows.instant(8),
          .expires_at = rows.instant(9)};
}

cadastre::Session session_of(const Rows& rows) {
  return {.tenant = tenant_id_of(rows.bytes(0)),
          .id = rows.blob<16>(1),
          .secret_hash = rows.blob<32>(2),
          .csrf_hash = rows.blob<32>(3),
          .token_id = rows.text(4),
          .subject_key = rows.blob<32>(5),
          .scope = rows.text(6),
          .label = rows.text(7),
          .grant = rows.text(8),
          .rids = split_ids(rows.bytes(9)),
          .keys = split_ids(rows.bytes(10)),
          .generation = rows.integer(11),
          .opened_at = rows.instant(12),
          .seen_at = rows.instant(13),
          .expires_at = rows.instant(14),
          .idle_s = rows.integer(15),
          .peer = rows.text(16),
          .is_browser = rows.integer(17) != 0};
}

SeenLink link_of(const Rows& rows) {
  return {.tenant = tenant_id_of(rows.bytes(0)),
          .rid = rows.blob<32>(1),
          .id = rows.text(2),
          .parent = rows.blob<32>(3),
          .root = rows.blob<32>(4),
          .scope = rows.text(5),
          .subject_key = rows.blob<32>(6),
          .caveats = rows.text(7),
          .depth = rows.integer(8),
          .issued_at = rows.instant(9),
          .not_before = rows.instant(10),
          .expires_at = rows.instant(11),
          .first_seen = rows.instant(12),
          .last_seen = rows.instant(13)};
}

SigningKey signing_key_of(const Rows& rows) {
  return {.kid = rows.text(0),
          .key = rows.blob<32>(1),
          .state = static_cast<SigningKeyState>(rows.integer(2)),
          .created_at = rows.instant(3),
          .activated_at = rows.instant_if_any(4),
          .retired_at = rows.instant_if_any(5),
          .revoked_at = rows.instant_if_any(6),
          .last_expiry = rows.instant(7)};
}

void add_device(Columns& columns, const Device& d) {
  columns.add(d.tenant.text(), d.id, d.subject_key, d.state, d.scope, d.token_id, d.enrolled_at, d.enrolled_by,
              d.approved_at, d.approved_by, d.renewed_at, d.revision);
}

void add_node(Columns& columns, const Node& n) {
  const NodeFacts& f = n.facts;
  columns.add(n.tenant.text(), n.id, n.device, n.subject_key, f.hostname, f.boot_id, f.ram_total, f.ram_used, f.cores,
              f.cpu_load_pct, f.disk_total, f.disk_used, f.kvm_available, f.reserved, n.cordoned, n.placed.vms,
              n.placed.storage, n.placed.ram, n.placed.vcpus, n.wishes, n.enrolled_at, n.last_heartbeat, n.revision);
}

void add_image(Columns& columns, const Image& image) {
  const ImageFacts& f = image.facts;
  const ImageFile initrd = f.initrd.value_or(ImageFile{});
  columns.add(image.tenant.text(), f.name, f.format, f.file.url, f.file.sha256, f.file.size_bytes,
              TextOrNull{initrd.url}, f.initrd ? std::optional(initrd.sha256) : std::nullopt,
              f.initrd ? std::optional(initrd.size_bytes) : std::nullopt, f.cmdline, f.min_disk, image.created_at,
              image.created_by);
}

void add_ssh_key(Columns& columns, const SshKey& k) {
  columns.add(k.tenant.text(), k.name, k.public_key, k.created_at, k.created_by);
}

void add_vm_console(Columns& columns, const VmConsole& c) {
  columns.add(c.tenant.text(), c.vm.bytes(), as_bytes(c.bytes), c.updated_at);
}

void add_pool_reservation(Columns& columns, const PoolReservation& r) {
  const std::string report = r.report ? encode_report(*r.report) : std::string();
  columns.add(r.pool.text(), r.vm.bytes(), r.vm_tenant.text(), r.vm_revision, r.node_id, r.charge.disk, r.charge.ram,
              r.charge.vcpus, r.hold, TextOrNull{report}, r.is_report_new, r.created_at, r.revision);
}

void add_pool_news(Columns& columns, const PoolNews& n) {
  columns.add(n.tenant.text(), n.vm.bytes(), n.pool.text(), n.number);
}

void add_challenge(Columns& columns, const Challenge& c) {
  columns.add(c.tenant.text(), c.id, c.kind, c.subject_key, c.device, c.scope, c.created_by, c.wrong_attempts,
              c.created_at, c.expires_at);
}

void add_session(Columns& columns, const cadastre::Session& s) {
  const std::string rids = join_ids(s.rids);
  const std::string keys = join_ids(s.keys);
  columns.add(s.tenant.text(), s.id, s.secret_hash, s.csrf_hash, s.token_id, s.subject_key, s.scope, s.label, s.grant,
              as_bytes(rids), as_bytes(keys), s.generation, s.opened_at, s.seen_at, s.expires_at, s.idle_s, s.peer,
              s.is_browser);
}

void add_link(Columns& columns, const SeenLink& l) {
  columns.add(l.tenant.text(), l.rid, l.id, l.parent, l.root, l.scope, l.subject_key, l.caveats, l.depth, l.issued_at,
              l.not_before, l.expires_at, l.first_seen, l.last_seen);
}

void add_signing_key(Columns& columns, const SigningKey& k) {
  columns.add(TenantId::platform().text(), k.kid, k.key, k.state, k.created_at, k.activated_at, k.retired_at,
              k.revoked_at, k.last_expiry);
}

}  // namespace cadastre::postgresql

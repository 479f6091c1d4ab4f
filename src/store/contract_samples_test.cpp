// Sample rows of devices, nodes, images, SSH keys, consoles, challenges, sessions, links and issuer keys for the
// contract suite.
#include <fmt/format.h>

#include "store/contract_test.h"

namespace cadastre {
namespace {

std::string words_of(const std::vector<Bytes<32>>& ids) {
  std::string words;
  for (const Bytes<32>& id : ids) words += encode_hex(id) + ' ';
  return words;
}

}  // namespace

Device sample_device(const TenantId& tenant, std::uint8_t number) {
  return {.tenant = tenant,
          .id = fmt::format("node-{:03}", number),
          .subject_key = filled<32>(number),
          .state = DeviceState::enrolled,
          .scope = "service:vm-host",
          .token_id = "DDDDDDDDDDDDDDDDDDDDDD",
          .enrolled_at = noon,
          .enrolled_by = "EEEEEEEEEEEEEEEEEEEEEE",
          .approved_at = noon + std::chrono::seconds(1),
          .approved_by = "FFFFFFFFFFFFFFFFFFFFFF",
          .renewed_at = noon + std::chrono::seconds(2),
          .revision = 3};
}

Node sample_node(const TenantId& tenant, std::uint8_t number) {
  return {.tenant = tenant,
          .id = fmt::format("node-{:03}", number),
          .device = "device-1",
          .subject_key = filled<32>(number),
          .facts = {.hostname = "zaragoza.example",
                    .boot_id = "3f5ad593-46d5-42bb-8a4f-0d2a1b0c6f6e",
                    .ram_total = Mebibytes{65536},
                    .ram_used = Mebibytes{1024},
                    .cores = VcpuCount{16},
                    .cpu_load_pct = 7,
                    .disk_total = Gigabytes{900},
                    .disk_used = Gigabytes{90},
                    .kvm_available = true,
                    .reserved = true},
          .cordoned = true,
          .placed = {.vms = VmCount{3}, .storage = Gigabytes{24}, .ram = Mebibytes{1536}, .vcpus = VcpuCount{6}},
          .wishes = 5,
          .enrolled_at = noon,
          .last_heartbeat = noon + std::chrono::seconds(10),
          .revision = 4};
}

Image sample_image(const TenantId& tenant, std::uint8_t number) {
  return {.tenant = tenant,
          .facts = {.name = fmt::format("image-{:03}", number),
                    .format = ImageFormat::kernel,
                    .file = {.url = "https://images.example/vmlinuz", .sha256 = filled<32>(0xC1), .size_bytes = 1234},
                    .initrd = ImageFile{.url = "https://images.example/i", .sha256 = filled<32>(0xC2), .size_bytes = 9},
                    .cmdline = "console=ttyS0",
                    .min_disk = Gigabytes{4}},
          .created_at = noon,
          .created_by = "EEEEEEEEEEEEEEEEEEEEEE"};
}

SshKey sample_ssh_key(const TenantId& tenant, std::uint8_t number) {
  return {.tenant = tenant,
          .name = fmt::format("key-{:03}", number),
          .public_key = "ssh-ed25519 AAAA rios@example",
          .created_at = noon,
          .created_by = "EEEEEEEEEEEEEEEEEEEEEE"};
}

VmConsole sample_vm_console(const TenantId& tenant, std::uint8_t number) {
  return {.tenant = tenant,
          .vm = VmId::of(filled<16>(number)),
          .bytes = std::string("\0\xff\r\nlogin: ", 11),
          .updated_at = noon + std::chrono::seconds(10)};
}

Challenge sample_challenge(const TenantId& tenant, std::uint8_t number) {
  return {.tenant = tenant,
          .id = filled<32>(number),
          .kind = ChallengeKind::session,
          .subject_key = filled<32>(0xAA),
          .device = "node-001",
          .scope = "USER",
          .created_by = "EEEEEEEEEEEEEEEEEEEEEE",
          .wrong_attempts = 2,
          .created_at = noon,
          .expires_at = noon + std::chrono::seconds(300)};
}

Session sample_session(const TenantId& tenant, std::uint8_t number) {
  return {.tenant = tenant,
          .id = filled<16>(number),
          .secret_hash = filled<32>(0xA1),
          .csrf_hash = filled<32>(0xA2),
          .token_id = "DDDDDDDDDDDDDDDDDDDDDD",
          .subject_key = filled<32>(0xA3),
          .scope = "INPUT",
          .label = "Señora Ríos",
          .grant = R"({"cav":[]})",
          .rids = {filled<32>(1), filled<32>(2)},
          .keys = {filled<32>(3)},
          .generation = 4,
          .opened_at = noon,
          .seen_at = noon + std::chrono::seconds(1),
          .expires_at = noon + std::chrono::hours(1),
          .idle_s = 900,
          .peer = "2001:db8::1",
          .is_browser = true};
}

SeenLink sample_link(const TenantId& tenant, std::uint8_t number) {
  return {.tenant = tenant,
          .rid = filled<32>(number),
          .id = "link",
          .parent = filled<32>(0xB1),
          .root = filled<32>(0xB2),
          .scope = "READ",
          .subject_key = filled<32>(0xB3),
          .caveats = R"([{"uses":1}])",
          .depth = 2,
          .issued_at = noon,
          .not_before = noon + std::chrono::seconds(1),
          .expires_at = noon + std::chrono::hours(1),
          .first_seen = noon + std::chrono::seconds(2),
          .last_seen = noon + std::chrono::seconds(3)};
}

SigningKey sample_signing_key(std::uint8_t number) {
  return {.kid = fmt::format("kid-{:03}", number),
          .key = filled<32>(number),
          .state = SigningKeyState::revoked,
          .created_at = noon,
          .activated_at = noon + std::chrono::seconds(1),
          .retired_at = noon + std::chrono::seconds(2),
          .revoked_at = noon + std::chrono::seconds(3),
          .last_expiry = noon + std::chrono::hours(1)};
}

std::string words_of(const Device& d) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{} {}|{} {}|{} {}", d.tenant.text(), d.id, encode_hex(d.subject_key),
                     name_of(d.state), d.scope, d.token_id, ms_since_epoch(d.enrolled_at), d.enrolled_by,
                     ms_or_none(d.approved_at), d.approved_by, ms_since_epoch(d.renewed_at), d.revision);
}

std::string words_of(const Node& n) {
  const NodeFacts& f = n.facts;
  const std::string facts =
      fmt::format("{}|{}|{} {} {} {} {} {}|{} {}", f.hostname, f.boot_id, f.ram_total.value, f.ram_used.value,
                  f.cores.value, f.cpu_load_pct, f.disk_total.value, f.disk_used.value, f.kvm_available, f.reserved);
  return fmt::format("{}|{}|{}|{}|{}|{}|{} {} {} {}|{}|{} {}|{}", n.tenant.text(), n.id, n.device,
                     encode_hex(n.subject_key), facts, n.cordoned, n.placed.vms.value, n.placed.storage.value,
                     n.placed.ram.value, n.placed.vcpus.value, n.wishes, ms_since_epoch(n.enrolled_at),
                     ms_or_none(n.last_heartbeat), n.revision);
}

std::string words_of(const Image& i) {
  const auto words = [](const ImageFile& f) {
    return fmt::format("{} {} {}", f.url, encode_hex(f.sha256), f.size_bytes);
  };
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{} {}", i.tenant.text(), i.facts.name, name_of(i.facts.format),
                     words(i.facts.file), i.facts.initrd ? words(*i.facts.initrd) : "-", i.facts.cmdline,
                     i.facts.min_disk.value, ms_since_epoch(i.created_at), i.created_by);
}

std::string words_of(const SshKey& k) {
  return fmt::format("{}|{}|{}|{} {}", k.tenant.text(), k.name, k.public_key, ms_since_epoch(k.created_at),
                     k.created_by);
}

std::string words_of(const VmConsole& c) {
  return fmt::format("{}|{}|{}|{}", c.tenant.text(), c.vm.text(), encode_hex(as_bytes(c.bytes)),
                     ms_since_epoch(c.updated_at));
}

std::string words_of(const Challenge& c) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{} {} {}", c.tenant.text(), encode_hex(c.id), static_cast<int>(c.kind),
                     encode_hex(c.subject_key), c.device, c.scope, c.created_by, c.wrong_attempts,
                     ms_since_epoch(c.created_at), ms_since_epoch(c.expires_at));
}

std::string words_of(const Session& s) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{} {} {}|{} {} {}", s.tenant.text(), encode_hex(s.id),
                     encode_hex(s.secret_hash), encode_hex(s.csrf_hash), s.token_id, encode_hex(s.subject_key), s.scope,
                     s.label, s.grant, words_of(s.rids), words_of(s.keys), s.generation, ms_since_epoch(s.opened_at),
                     ms_since_epoch(s.seen_at), ms_since_epoch(s.expires_at), s.idle_s, s.peer, s.is_browser);
}

std::string words_of(const SeenLink& l) {
  return fmt::format("{}|{}|{}|{} {}|{}|{}|{}|{}|{} {} {}|{} {}", l.tenant.text(), encode_hex(l.rid), l.id,
                     encode_hex(l.parent), encode_hex(l.root), l.scope, encode_hex(l.subject_key), l.caveats, l.depth,
                     ms_since_epoch(l.issued_at), ms_since_epoch(l.not_before), ms_since_epoch(l.expires_at),
                     ms_since_epoch(l.first_seen), ms_since_epoch(l.last_seen));
}

std::string words_of(const SigningKey& k) {
  return fmt::format("{}|{}|{}|{} {} {} {}|{}", k.kid, encode_hex(k.key), static_cast<int>(k.state),
                     ms_since_epoch(k.created_at), ms_or_none(k.activated_at), ms_or_none(k.retired_at),
                     ms_or_none(k.revoked_at), ms_since_epoch(k.last_expiry));
}

}  // namespace cadastre

#include "store/contract_test.h"

#include <fmt/format.h>

#include "base/test_folder.h"
#include "store/postgresql/postgresql_store.h"
#include "store/postgresql/test_cluster.h"
#include "store/sqlite/sqlite_store.h"

namespace cadastre {
namespace {

class SqlitePlace final : public Place {
 public:
  explicit SqlitePlace(const PlaceSettings& settings) : settings_(settings) {}
  std::unique_ptr<Store> open() override {
    return open_sqlite_store({.directory = folder_ / "data", .lane_max = settings_.lane_max});
  }
  std::unique_ptr<Reader> open_from_outside() override { return open_sqlite_reader(folder_ / "data"); }

 private:
  TestFolder folder_;
  PlaceSettings settings_;
};

class PostgresqlPlace final : public Place {
 public:
  explicit PostgresqlPlace(const PlaceSettings& settings) : settings_(settings) {}
  std::unique_ptr<Store> open() override {
    const PostgresqlSettings settings{
        .url = schema_.url(), .lanes = settings_.one_thread ? 1U : 4U, .lane_max = settings_.lane_max};
    return open_postgresql_store(settings);
  }
  std::unique_ptr<Reader> open_from_outside() override { return open_postgresql_reader(schema_.url()); }

 private:
  postgresql::TestSchema schema_;
  PlaceSettings settings_;
};

template <class OnePlace>
std::unique_ptr<Place> make_place(const PlaceSettings& settings) {
  return std::make_unique<OnePlace>(settings);
}

}  // namespace

std::int64_t ms_or_none(const std::optional<Instant>& at) { return at ? ms_since_epoch(*at) : -1; }

const std::vector<Engine>& engines() {
  static const std::vector<Engine> all = {{"sqlite", make_place<SqlitePlace>},
                                          {"postgresql", make_place<PostgresqlPlace>}};
  return all;
}

TenantId id_of(std::string_view text) { return text.empty() ? TenantId::platform() : TenantId::parse(text).value(); }

Tenant sample_tenant(std::string_view id) {
  return {.id = id_of(id),
          .display_name = "Señales y Cía " + std::string(id),
          .state = TenantState::active,
          .quota = {.max_vms = VmCount{10},
                    .storage = Gigabytes{100},
                    .max_ram = Mebibytes{4096},
                    .max_vcpus = std::nullopt,
                    .api_rate = RequestsPerMinute{600}},
          .used = {},
          .generation = 1,
          .revision = 1,
          .revocations = 0,
          .access_changes = 0,
          .node_count = 0,
          .log_id = filled<16>(static_cast<std::uint8_t>(id.size())),
          .vkey = "cadastre.example/ledger/" + std::string(id) + "+1234abcd+AQ==",
          .created_at = noon,
          .updated_at = noon,
          .created_by = "AAAAAAAAAAAAAAAAAAAAAA"};
}

Vm sample_vm(const TenantId& tenant, std::uint32_t number) {
  Bytes<16> id{};
  for (std::size_t i = 0; i < 4; ++i) id[12 + i] = static_cast<std::uint8_t>(number >> (8 * (3 - i)));
  return {.id = VmId::of(id),
          .tenant = tenant,
          .name = fmt::format("vm-{}", number),
          .vm_type = "VmTotebox",
          .state = VmState::running,
          .wish = VmWish::stop,
          .ram = Mebibytes{512},
          .vcpus = VcpuCount{2},
          .disk = Gigabytes{8},
          .prefer_kvm = true,
          .preferred_node = "node-1",
          .ports = {{80, "tcp"}, {53, "udp"}},
          .restart_policy = RestartPolicy::always,
          .node_id = "node-2",
          .pool = id_of("pool"),
          .host_ports = {{20001, 80, "tcp"}},
          .created_at = noon,
          .started_at = noon + std::chrono::seconds(5),
          .error = "It \"failed\" once.",
          .generation = 2,
          .reboots = 4,
          .revision = 3};
}

IssuedToken sample_token(const TenantId& tenant, std::uint8_t number) {
  return {.tenant = tenant,
          .id = filled<16>(number),
          .rid = filled<32>(number),
          .scope = "service:tenant-admin",
          .subject_key = filled<32>(0xEE),
          .kid = "kid",
          .audience = "cadastre:test",
          .issuer = "http://127.0.0.1:9221",
          .label = "ci",
          .generation = 2,
          .delegable_depth = 1,
          .requires_pop = true,
          .caveats = R"([["exp",1]])",
          .ancestors = {filled<32>(7), filled<32>(8)},
          .issued_at = noon,
          .not_before = noon,
          .expires_at = noon + std::chrono::hours(24),
          .issued_by = "BBBBBBBBBBBBBBBBBBBBBB",
          .revoked_at = std::nullopt,
          .revoked_by = {},
          .parent = filled<32>(8),
          .device = "node-1"};
}

Event sample_event(const TenantId& tenant, EventType type) {
  return {.type = type,
          .tenant = tenant,
          .actor = {.kind = "tenant-admin", .token_id = "CCCCCCCCCCCCCCCCCCCCCC", .subject_key = "key"},
          .request_id = "request-1",
          .data = {{"number", std::int64_t{1}}}};
}

IdempotentAnswer sample_answer(std::uint8_t key, Instant expires_at) {
  return {.key = filled<32>(key),
          .request_hash = filled<32>(9),
          .status = 201,
          .headers = "Location: /v1/vms/1\r\n",
          .content_type = "application/json",
          .body = R"({"a":1})",
          .token_id = "token",
          .expires_at = expires_at};
}

PublishedCheckpoint sample_checkpoint(const TenantId& tenant, std::uint64_t size) {
  return {.tenant = tenant,
          .log_id = filled<16>(4),
          .size = size,
          .root = filled<32>(static_cast<std::uint8_t>(size)),
          .note = fmt::format("origin\n{}\nroot\n\n— origin signature\n", size)};
}

void change(Store& store, const TenantId& tenant, const std::function<void(Tx&)>& body) {
  detail::run_and_wait(store, tenant, [&](Tx& tx) {
    body(tx);
    return Verdict::commit;
  });
}

void drop(Store& store, const TenantId& tenant, const std::function<void(Tx&)>& body) {
  detail::run_and_wait(store, tenant, [&](Tx& tx) {
    body(tx);
    return Verdict::drop;
  });
}

void register_tenant(Store& store, std::string_view id) {
  change(store, id_of(id), [&](Tx& tx) {
    tx.insert(sample_tenant(id));
    tx.append(sample_event(id_of(id), EventType::tenant_created), noon);
  });
}

bool create_vm(Tx& tx, const TenantId& tenant, std::uint32_t number, Instant now) {
  auto row = tx.tenant(tenant).value();
  if (row.used.vms >= row.quota.max_vms) return false;
  const Vm vm = sample_vm(tenant, number);
  row.used = with_vm(row.used, vm.charge());
  tx.insert(vm);
  tx.update(row);
  tx.append(sample_event(tenant), now);
  return true;
}

std::string words_of(const Tenant& t) {
  return fmt::format(
      "{}|{}|{}|{} {} {} {} {}|{} {} {} {}|{} {} {} {} {}|{}|{}|{} {}|{}", t.id.text(), t.display_name,
      name_of(t.state), t.quota.max_vms.value, t.quota.storage.value, t.quota.max_ram ? t.quota.max_ram->value : -1,
      t.quota.max_vcpus ? t.quota.max_vcpus->value : -1, t.quota.api_rate.value, t.used.vms.value, t.used.storage.value,
      t.used.ram.value, t.used.vcpus.value, t.generation, t.revision, t.revocations, t.access_changes, t.node_count,
      encode_hex(t.log_id), t.vkey, ms_since_epoch(t.created_at), ms_since_epoch(t.updated_at), t.created_by);
}

std::string words_of(const Vm& vm) {
  std::string words =
      fmt::format("{}|{}|{}|{}|{} {}|{} {} {}|{} {}|{}|{} {}|{}|{} {} {}", vm.id.text(), vm.tenant.text(), vm.name,
                  vm.vm_type, name_of(vm.state), static_cast<int>(vm.wish), vm.ram.value, vm.vcpus.value, vm.disk.value,
                  vm.prefer_kvm, vm.preferred_node, vm.node_id, ms_since_epoch(vm.created_at),
                  ms_or_none(vm.started_at), vm.error, vm.generation, vm.reboots, vm.revision);
  if (vm.pool) words += "|of " + vm.pool->text();
  for (const auto& port : vm.ports) words += fmt::format("|{}/{}", port.guest_port, port.protocol);
  for (const auto& port : vm.host_ports) {
    words += fmt::format("|{}:{}/{}", port.host_port, port.guest_port, port.protocol);
  }
  words += fmt::format("|{}", name_of(vm.restart_policy));
  for (const RevocationId& rid : vm.charged_to) words += '|' + encode_hex(rid);
  return words;
}

std::string words_of(const IssuedToken& t) {
  std::string words = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{} {} {}|{}|{} {} {}|{}|{} {}", t.tenant.text(),
                                  encode_hex(t.id), encode_hex(t.rid), t.scope, encode_hex(t.subject_key), t.kid,
                                  t.audience, t.issuer, t.label, t.generation, t.delegable_depth, t.requires_pop,
                                  t.caveats, ms_since_epoch(t.issued_at), ms_since_epoch(t.not_before),
                                  ms_since_epoch(t.expires_at), t.issued_by, ms_or_none(t.revoked_at), t.revoked_by);
  for (const auto& ancestor : t.ancestors) words += '|' + encode_hex(ancestor);
  words += t.parent ? "|below " + encode_hex(*t.parent) : "|by command";
  words += fmt::format("|{} {}|{}", ms_or_none(t.first_seen), ms_or_none(t.last_seen), t.device);
  return words;
}

std::string words_of(const IdempotentAnswer& a) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", encode_hex(a.key), encode_hex(a.request_hash), a.status, a.headers,
                     a.content_type, a.body, a.token_id, ms_since_epoch(a.expires_at));
}

bool agrees(const Recount& counts) { return counts.counters == counts.rows && counts.head == counts.leaves; }

}  // namespace cadastre

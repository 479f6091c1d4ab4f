// All tables as one connection sees them, and the questions of the port asked of them.
#pragma once

#include "store/sqlite/devices.h"
#include "store/sqlite/dirty_logs.h"
#include "store/sqlite/idempotency.h"
#include "store/sqlite/images.h"
#include "store/sqlite/ledger.h"
#include "store/sqlite/links.h"
#include "store/sqlite/nodes.h"
#include "store/sqlite/pool.h"
#include "store/sqlite/sessions.h"
#include "store/sqlite/signing_keys.h"
#include "store/sqlite/ssh_keys.h"
#include "store/sqlite/tenants.h"
#include "store/sqlite/tokens.h"
#include "store/sqlite/vm_consoles.h"
#include "store/sqlite/vms.h"

namespace cadastre::sqlite {

struct Tables {
  explicit Tables(Connection& connection)
      : tenants(connection),
        vms(connection),
        tokens(connection),
        revocations(connection),
        devices(connection),
        nodes(connection),
        images(connection),
        ssh_keys(connection),
        vm_consoles(connection),
        pool_reservations(connection),
        pool_news(connection),
        challenges(connection),
        sessions(connection),
        links(connection),
        counters(connection),
        caveat_rates(connection),
        signing_keys(connection),
        ledger(connection),
        idempotency(connection),
        settings(connection) {}

  TenantTable tenants;
  VmTable vms;
  TokenTable tokens;
  RevocationTable revocations;
  DeviceTable devices;
  NodeTable nodes;
  ImageTable images;
  SshKeyTable ssh_keys;
  VmConsoleTable vm_consoles;
  PoolReservationTable pool_reservations;
  PoolNewsTable pool_news;
  ChallengeTable challenges;
  SessionTable sessions;
  LinkTable links;
  CounterTable counters;
  CaveatRateTable caveat_rates;
  SigningKeyTable signing_keys;
  LedgerTable ledger;
  IdempotencyTable idempotency;
  SettingTable settings;
};

/// Answers the questions of `Port` (Reader or Tx) from the tables.
template <class Port>
class Asking : public Port {
 public:
  std::optional<Tenant> tenant(const TenantId& id) override {
    auto row = tables_.tenants.find(id);
    if (!row) return std::nullopt;
    return std::move(row->tenant);
  }
  std::vector<Tenant> tenants(std::string_view after, std::size_t limit) override {
    return tables_.tenants.page(after, limit);
  }
  std::optional<Vm> vm(const TenantId& tenant, const VmId& id) override { return tables_.vms.find(tenant, id); }
  std::vector<Vm> vms(const TenantId& tenant, const VmQuery& query) override { return tables_.vms.page(tenant, query); }
  std::int64_t count_vms(const TenantId& tenant, VmState state) override { return tables_.vms.count(tenant, state); }
  std::optional<IssuedToken> token(const TenantId& tenant, const TokenId& id) override {
    return tables_.tokens.find(tenant, id);
  }
  std::optional<IssuedToken> token_by_rid(const TenantId& tenant, const RevocationId& rid) override {
    return tables_.tokens.find_by_rid(tenant, rid);
  }
  std::vector<IssuedToken> tokens(const TenantId& tenant, const TokenQuery& query) override {
    return tables_.tokens.page(tenant, query);
  }
  bool is_revoked(const TenantId& tenant, RevocationKind kind, const Bytes<32>& id) override {
    return tables_.revocations.contains(tenant, kind, id);
  }
  std::vector<Bytes<32>> revoked_after(const TenantId& tenant, std::int64_t known, std::size_t limit) override {
    return tables_.revocations.after(tenant, known, limit);
  }
  std::optional<Device> device(const TenantId& tenant, std::string_view id) override {
    return tables_.devices.find(tenant, id);
  }
  std::vector<Device> devices(const TenantId& tenant, const DeviceQuery& query) override {
    return tables_.devices.page(tenant, query);
  }
  std::optional<Node> node(const TenantId& tenant, std::string_view id) override {
    return tables_.nodes.find(tenant, id);
  }
  std::vector<Node> nodes(const TenantId& tenant, const NodeQuery& query) override {
    return tables_.nodes.page(tenant, query);
  }
  std::optional<Image> image(const TenantId& tenant, std::string_view name) override {
    return tables_.images.find(tenant, name);
  }
  std::vector<Image> images(const TenantId& tenant, const NameQuery& query) override {
    return tables_.images.page(tenant, query);
  }
  std::optional<SshKey> ssh_key(const TenantId& tenant, std::string_view name) override {
    return tables_.ssh_keys.find(tenant, name);
  }
  std::vector<SshKey> ssh_keys(const TenantId& tenant, const NameQuery& query) override {
    return tables_.ssh_keys.page(tenant, query);
  }
  std::optional<VmConsole> vm_console(const TenantId& tenant, const VmId& vm) override {
    return tables_.vm_consoles.find(tenant, vm);
  }
  std::optional<PoolReservation> pool_reservation(const TenantId& pool, const VmId& vm) override {
    return tables_.pool_reservations.find(pool, vm);
  }
  std::vector<PoolReservation> pool_reservations(const TenantId& pool, std::string_view node_id) override {
    return tables_.pool_reservations.of_node(pool, node_id);
  }
  std::vector<PoolReservation> all_pool_reservations(const PoolWalk& walk) override {
    return tables_.pool_reservations.all(walk);
  }
  std::vector<PoolNews> pool_news(std::size_t limit) override { return tables_.pool_news.all(limit); }
  std::optional<TenantId> next_waiting_tenant(const TenantId& after) override {
    return tables_.vms.next_waiting_tenant(after);
  }
  std::vector<Vm> waiting_vms(const TenantId& tenant, const WaitingQuery& query) override {
    return tables_.vms.waiting(tenant, query);
  }
  std::optional<Challenge> challenge(const TenantId& tenant, const Bytes<32>& id) override {
    return tables_.challenges.find(tenant, id);
  }
  std::optional<Session> session(const TenantId& tenant, const SessionId& id) override {
    return tables_.sessions.find(tenant, id);
  }
  std::vector<Session> sessions(const TenantId& tenant, const SessionQuery& query) override {
    return tables_.sessions.page(tenant, query);
  }
  std::vector<Session> ended_sessions(Instant now, std::size_t limit) override {
    return tables_.sessions.ended(now, limit);
  }
  std::vector<Session> all_sessions(const SessionWalk& walk) override { return tables_.sessions.all(walk); }
  std::optional<SeenLink> link(const TenantId& tenant, const RevocationId& rid) override {
    return tables_.links.find(tenant, rid);
  }
  std::vector<SeenLink> links(const TenantId& tenant, const LinkQuery& query) override {
    return tables_.links.page(tenant, query);
  }
  std::int64_t counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid) override {
    return tables_.counters.find(tenant, kind, rid);
  }
  RateBudget caveat_rate(const TenantId& tenant, const RevocationId& rid) override {
    return tables_.caveat_rates.find(tenant, rid);
  }
  std::vector<ExpiredBearer> expired_bearers(Instant at, std::size_t limit) override {
    return tables_.caveat_rates.expired(at, limit);
  }
  std::vector<SigningKey> signing_keys() override { return tables_.signing_keys.all(); }
  std::optional<LogHead> log_head(const TenantId& tenant) override {
    auto row = tables_.tenants.find(tenant);
    if (!row) return std::nullopt;
    return row->head;
  }
  std::vector<Leaf> leaves(const TenantId& tenant, const LeafQuery& query) override {
    return tables_.ledger.leaves(tenant, query);
  }
  std::optional<PublishedCheckpoint> checkpoint(const TenantId& tenant) override {
    return tables_.ledger.checkpoint(tenant);
  }
  std::vector<LogState> logs(const std::optional<TenantId>& after, std::size_t limit) override {
    return tables_.ledger.logs(after, limit);
  }
  std::vector<LogState> unpublished_logs(std::size_t limit) override {
    if (dirty_logs_ == nullptr) return tables_.ledger.unpublished(limit);
    std::vector<LogState> logs;
    for (const TenantId& tenant : dirty_logs_->oldest(limit)) {
      auto log = tables_.ledger.log(tenant);
      if (log && log->head.size > log->published_size) logs.push_back(*std::move(log));
    }
    return logs;
  }
  std::optional<IdempotentAnswer> idempotent_answer(const TenantId& tenant, const Bytes<32>& key,
                                                    Instant now) override {
    return tables_.idempotency.find(tenant, key, now);
  }
  std::optional<std::string> setting(std::string_view name) override { return tables_.settings.find(name); }
  Recount recount(const TenantId& tenant) override {
    Recount counts;
    counts.rows = tables_.vms.usage(tenant);
    counts.leaves = tables_.ledger.count(tenant);
    if (const auto row = tables_.tenants.find(tenant)) counts.counters = row->tenant.used, counts.head = row->head.size;
    return counts;
  }

 protected:
  /// Without `dirty_logs` every head is compared with what was published of it.
  Asking(Connection& connection, const DirtyLogs* dirty_logs) : tables_(connection), dirty_logs_(dirty_logs) {}

  Tables tables_;

 private:
  const DirtyLogs* dirty_logs_;  // outlives its readers
};

}  // namespace cadastre::sqlite

// A transaction whose writes stop working after a while, as on a full disk.
#pragma once

#include <cstdint>

#include "service/ports.h"

namespace cadastre {

/// Passes everything on to `tx`, and throws StoreFailure in place of the write after `writes_left` of them. Reads never
/// fail: what a body has read it has not changed.
class FailingTx final : public Tx {
 public:
  FailingTx(Tx& tx, std::uint64_t writes_left) : tx_(tx), writes_left_(writes_left) {}

  std::optional<Tenant> tenant(const TenantId& id) override { return tx_.tenant(id); }
  std::vector<Tenant> tenants(std::string_view after, std::size_t limit) override { return tx_.tenants(after, limit); }
  std::optional<Vm> vm(const TenantId& tenant, const VmId& id) override { return tx_.vm(tenant, id); }
  std::vector<Vm> vms(const TenantId& tenant, const VmQuery& query) override { return tx_.vms(tenant, query); }
  std::int64_t count_vms(const TenantId& tenant, VmState state) override { return tx_.count_vms(tenant, state); }
  std::optional<IssuedToken> token(const TenantId& tenant, const TokenId& id) override { return tx_.token(tenant, id); }
  std::optional<IssuedToken> token_by_rid(const TenantId& tenant, const RevocationId& rid) override {
    return tx_.token_by_rid(tenant, rid);
  }
  std::vector<IssuedToken> tokens(const TenantId& tenant, const TokenQuery& query) override {
    return tx_.tokens(tenant, query);
  }
  bool is_revoked(const TenantId& tenant, RevocationKind kind, const Bytes<32>& id) override {
    return tx_.is_revoked(tenant, kind, id);
  }
  std::vector<Bytes<32>> revoked_after(const TenantId& tenant, std::int64_t known, std::size_t limit) override {
    return tx_.revoked_after(tenant, known, limit);
  }
  std::optional<Device> device(const TenantId& tenant, std::string_view id) override { return tx_.device(tenant, id); }
  std::vector<Device> devices(const TenantId& tenant, const DeviceQuery& query) override {
    return tx_.devices(tenant, query);
  }
  std::optional<Node> node(const TenantId& tenant, std::string_view id) override { return tx_.node(tenant, id); }
  std::vector<Node> nodes(const TenantId& tenant, const NodeQuery& query) override { return tx_.nodes(tenant, query); }
  std::optional<Image> image(const TenantId& tenant, std::string_view name) override { return tx_.image(tenant, name); }
  std::vector<Image> images(const TenantId& tenant, const NameQuery& query) override {
    return tx_.images(tenant, query);
  }
  std::optional<SshKey> ssh_key(const TenantId& tenant, std::string_view name) override {
    return tx_.ssh_key(tenant, name);
  }
  std::vector<SshKey> ssh_keys(const TenantId& tenant, const NameQuery& query) override {
    return tx_.ssh_keys(tenant, query);
  }
  std::optional<VmConsole> vm_console(const TenantId& tenant, const VmId& vm) override {
    return tx_.vm_console(tenant, vm);
  }
  std::optional<PoolReservation> pool_reservation(const TenantId& pool, const VmId& vm) override {
    return tx_.pool_reservation(pool, vm);
  }
  std::vector<PoolReservation> pool_reservations(const TenantId& pool, std::string_view node_id) override {
    return tx_.pool_reservations(pool, node_id);
  }
  std::vector<PoolReservation> all_pool_reservations(const PoolWalk& walk) override {
    return tx_.all_pool_reservations(walk);
  }
  std::vector<PoolNews> pool_news(std::size_t limit) override { return tx_.pool_news(limit); }
  std::optional<TenantId> next_waiting_tenant(const TenantId& after) override { return tx_.next_waiting_tenant(after); }
  std::vector<Vm> waiting_vms(const TenantId& tenant, const WaitingQuery& query) override {
    return tx_.waiting_vms(tenant, query);
  }
  std::optional<Challenge> challenge(const TenantId& tenant, const Bytes<32>& id) override {
    return tx_.challenge(tenant, id);
  }
  std::optional<Session> session(const TenantId& tenant, const SessionId& id) override {
    return tx_.session(tenant, id);
  }
  std::vector<Session> sessions(const TenantId& tenant, const SessionQuery& query) override {
    return tx_.sessions(tenant, query);
  }
  std::vector<Session> ended_sessions(Instant now, std::size_t limit) override {
    return tx_.ended_sessions(now, limit);
  }
  std::vector<Session> all_sessions(const SessionWalk& walk) override { return tx_.all_sessions(walk); }
  std::optional<SeenLink> link(const TenantId& tenant, const RevocationId& rid) override {
    return tx_.link(tenant, rid);
  }
  std::vector<SeenLink> links(const TenantId& tenant, const LinkQuery& query) override {
    return tx_.links(tenant, query);
  }
  std::int64_t counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid) override {
    return tx_.counter(tenant, kind, rid);
  }
  RateBudget caveat_rate(const TenantId& tenant, const RevocationId& rid) override {
    return tx_.caveat_rate(tenant, rid);
  }
  std::vector<ExpiredBearer> expired_bearers(Instant at, std::size_t limit) override {
    return tx_.expired_bearers(at, limit);
  }
  std::vector<SigningKey> signing_keys() override { return tx_.signing_keys(); }
  std::optional<LogHead> log_head(const TenantId& tenant) override { return tx_.log_head(tenant); }
  std::vector<Leaf> leaves(const TenantId& tenant, const LeafQuery& query) override {
    return tx_.leaves(tenant, query);
  }
  std::optional<PublishedCheckpoint> checkpoint(const TenantId& tenant) override { return tx_.checkpoint(tenant); }
  std::vector<LogState> logs(const std::optional<TenantId>& after, std::size_t limit) override {
    return tx_.logs(after, limit);
  }
  std::vector<LogState> unpublished_logs(std::size_t limit) override { return tx_.unpublished_logs(limit); }
  std::optional<IdempotentAnswer> idempotent_answer(const TenantId& tenant, const Bytes<32>& key,
                                                    Instant now) override {
    return tx_.idempotent_answer(tenant, key, now);
  }
  std::optional<std::string> setting(std::string_view name) override { return tx_.setting(name); }
  Recount recount(const TenantId& tenant) override { return tx_.recount(tenant); }

  void insert(const Tenant& tenant) override { write().insert(tenant); }
  void update(const Tenant& tenant) override { write().update(tenant); }
  void insert(const Vm& vm) override { write().insert(vm); }
  void update(const Vm& vm) override { write().update(vm); }
  void erase(const TenantId& tenant, const VmId& vm) override { write().erase(tenant, vm); }
  void insert(const IssuedToken& token) override { write().insert(token); }
  void mark_revoked(const TenantId& tenant, const TokenId& token, Instant at, std::string_view by) override {
    write().mark_revoked(tenant, token, at, by);
  }
  void mark_seen(const TenantId& tenant, const TokenId& token, Instant at) override {
    write().mark_seen(tenant, token, at);
  }
  void insert(const Revocation& revocation) override { write().insert(revocation); }
  void put(const Device& device) override { write().put(device); }
  void erase_device(const TenantId& tenant, std::string_view id) override { write().erase_device(tenant, id); }
  void put(const Node& node) override { write().put(node); }
  void put(const PoolReservation& reservation) override { write().put(reservation); }
  void erase_pool_reservation(const TenantId& pool, const VmId& vm) override {
    write().erase_pool_reservation(pool, vm);
  }
  void put(const PoolNews& news) override { write().put(news); }
  void erase(const PoolNews& news) override { write().erase(news); }
  void erase_node(const TenantId& tenant, std::string_view id) override { write().erase_node(tenant, id); }
  void put(const Image& image) override { write().put(image); }
  void erase_image(const TenantId& tenant, std::string_view name) override { write().erase_image(tenant, name); }
  void put(const SshKey& key) override { write().put(key); }
  void erase_ssh_key(const TenantId& tenant, std::string_view name) override { write().erase_ssh_key(tenant, name); }
  void put(const VmConsole& console) override { write().put(console); }
  void erase_vm_console(const TenantId& tenant, const VmId& vm) override { write().erase_vm_console(tenant, vm); }
  void put(const Challenge& challenge) override { write().put(challenge); }
  void erase_challenge(const TenantId& tenant, const Bytes<32>& id) override { write().erase_challenge(tenant, id); }
  void put(const Session& session) override { write().put(session); }
  void erase_session(const TenantId& tenant, const SessionId& id) override { write().erase_session(tenant, id); }
  void put(const SeenLink& link) override { write().put(link); }
  void set_counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid, std::int64_t value,
                   std::optional<Instant> expires_at) override {
    write().set_counter(tenant, kind, rid, value, expires_at);
  }
  void set_caveat_rate(const TenantId& tenant, const RevocationId& rid, const RateBudget& rate,
                       Instant expires_at) override {
    write().set_caveat_rate(tenant, rid, rate, expires_at);
  }
  void forget_requests(const TenantId& tenant, const RevocationId& rid) override {
    write().forget_requests(tenant, rid);
  }
  void put(const SigningKey& key) override { write().put(key); }
  std::uint64_t append(const Event& event, Instant now) override { return write().append(event, now); }
  void record(const TenantId& tenant, const IdempotentAnswer& answer) override { write().record(tenant, answer); }
  bool publish(const PublishedCheckpoint& checkpoint, std::uint64_t expected_size) override {
    return write().publish(checkpoint, expected_size);
  }
  void set_setting(std::string_view name, std::string_view value) override { write().set_setting(name, value); }

 private:
  Tx& write() {
    if (writes_left_-- == 0) throw StoreFailure("the disk is full");
    return tx_;
  }

  Tx& tx_;
  std::uint64_t writes_left_;
};

}  // namespace cadastre

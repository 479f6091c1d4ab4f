// The write transaction: what a group of bodies does, with the tenant rows they share held in memory.
#pragma once

#include <vector>

#include "store/sqlite/tables.h"
#include "store/sqlite/tenant_cache.h"

namespace cadastre::sqlite {

/// What others are told once a transaction is durable.
struct Notes {
  std::vector<TenantId> changed;
  std::vector<LogNote> logs;
};

/// The one writer's transaction, used again and again by its thread. Each run of a body stands between `begin_body`
/// and either `keep_body` or `drop_body`.
class Transaction final : public Asking<Tx> {
 public:
  Transaction(Connection& connection, const DirtyLogs& dirty_logs, std::size_t tenants_cached_max);

  enum class Bodies { together, apart };  ///< Apart: each body has a savepoint, so that it can be dropped alone.
  void begin(Bodies bodies);
  void begin_body();
  bool body_has_written() const { return body_has_written_; }
  void keep_body();
  /// Undoes the body. Requires bodies apart, or one that has not written.
  void drop_body();
  /// Writes the rows that are held in memory.
  void flush();
  /// Makes all that was flushed durable.
  void commit();
  void rollback();

  const Notes& notes() const { return notes_; }
  /// The row of a tenant in `notes().changed`, after the commit.
  const Tenant& changed_tenant(const TenantId& id);
  /// Forgets the notes, and the rows beyond what may be held.
  void finish();

  std::optional<Tenant> tenant(const TenantId& id) override;
  std::optional<LogHead> log_head(const TenantId& tenant) override;
  std::vector<Tenant> tenants(std::string_view after, std::size_t limit) override;
  std::vector<LogState> logs(const std::optional<TenantId>& after, std::size_t limit) override;
  std::vector<LogState> unpublished_logs(std::size_t limit) override;
  std::optional<IdempotentAnswer> idempotent_answer(const TenantId& tenant, const Bytes<32>& key, Instant now) override;
  Recount recount(const TenantId& tenant) override;

  void insert(const Tenant& tenant) override;
  void update(const Tenant& tenant) override;
  void insert(const Vm& vm) override;
  void update(const Vm& vm) override;
  void erase(const TenantId& tenant, const VmId& vm) override;
  void insert(const IssuedToken& token) override;
  void mark_revoked(const TenantId& tenant, const TokenId& token, Instant at, std::string_view by) override;
  void mark_seen(const TenantId& tenant, const TokenId& token, Instant at) override;
  void insert(const Revocation& revocation) override;
  void put(const Device& device) override;
  void erase_device(const TenantId& tenant, std::string_view id) override;
  void put(const Node& node) override;
  void erase_node(const TenantId& tenant, std::string_view id) override;
  void put(const Image& image) override;
  void erase_image(const TenantId& tenant, std::string_view name) override;
  void put(const SshKey& key) override;
  void erase_ssh_key(const TenantId& tenant, std::string_view name) override;
  void put(const VmConsole& console) override;
  void erase_vm_console(const TenantId& tenant, const VmId& vm) override;
  void put(const PoolReservation& reservation) override;
  void erase_pool_reservation(const TenantId& pool, const VmId& vm) override;
  void put(const PoolNews& news) override;
  void erase(const PoolNews& news) override;
  void put(const Challenge& challenge) override;
  void erase_challenge(const TenantId& tenant, const Bytes<32>& id) override;
  void put(const Session& session) override;
  void erase_session(const TenantId& tenant, const SessionId& id) override;
  void put(const SeenLink& link) override;
  void set_counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid, std::int64_t value,
                   std::optional<Instant> expires_at) override;
  void set_caveat_rate(const TenantId& tenant, const RevocationId& rid, const RateBudget& rate,
                       Instant expires_at) override;
  void forget_requests(const TenantId& tenant, const RevocationId& rid) override;
  void put(const SigningKey& key) override;
  std::uint64_t append(const Event& event, Instant now) override;
  void record(const TenantId& tenant, const IdempotentAnswer& answer) override;
  bool publish(const PublishedCheckpoint& checkpoint, std::uint64_t expected_size) override;
  void set_setting(std::string_view name, std::string_view value) override;

 private:
  CachedTenant* find_row(const TenantId& id);
  /// The row to be changed. Throws StoreFailure when there is none.
  CachedTenant& row(const TenantId& id);
  void touch(CachedTenant& row);
  /// One more change of what the tenant holds: raises the revision, once for each body.
  void raise(CachedTenant& row);
  /// Notes a write of what is no change for the listener. Throws StoreFailure when there is no such namespace.
  void write_to(const TenantId& id);
  /// A change that can end a token.
  void count_access_change(const TenantId& id);
  void forget_since(std::size_t changed, std::size_t logs);

  Connection& connection_;
  TenantCache cache_;
  Query begin_, commit_, savepoint_, rollback_to_, release_;
  Bodies bodies_ = Bodies::together;
  std::vector<CachedTenant*> touched_;
  Notes notes_;
  std::size_t changed_before_ = 0, logs_before_ = 0;  // sizes of the notes when the body began
  std::uint64_t body_ = 0;
  bool body_has_written_ = false;
  Instant latest_now_;  // the latest time that any body has named
};

}  // namespace cadastre::sqlite

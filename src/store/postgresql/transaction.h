// The write transaction: what a group of bodies does, held in memory and sent in few trips.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "store/postgresql/sending.h"
#include "store/postgresql/session.h"

namespace cadastre::postgresql {

/// A body writes to a namespace whose row the transaction has not locked and cannot lock without waiting out of turn:
/// the group is to be run again, with this one locked from the start.
class LockNeeded : public Failure {
 public:
  explicit LockNeeded(TenantId needed)
      : Failure(Trouble::conflict, "a namespace was changed meanwhile"), tenant(std::move(needed)) {}
  const TenantId tenant;
};

/// The database went away while it was committing, and does not say whether it did.
class CommitLost : public Failure {
 public:
  CommitLost(std::int64_t id, std::int64_t mark, const std::string& sentence)
      : Failure(Trouble::connection, sentence), transaction(id), number(mark) {}
  const std::int64_t transaction;
  const std::int64_t number;  ///< By which `is_marked` finds it.
};

/// Used again and again by one thread. Each run of a body stands between `begin_body` and either `keep_body` or
/// `drop_body`. All but a body's point reads is held back until `write`: a body that is dropped costs nothing.
class Transaction final : public Tx {
 public:
  /// `writer` names this process in the change feed; the fence outlives the transaction.
  Transaction(Session& session, const Bytes<16>& writer, const Fence& fence)
      : session_(session),
        context_{.writer = writer,
                 .fence = fence,
                 .owes_lease = false,
                 .latest_now = {},
                 .swept_tenant = {},
                 .swept_key = {}} {
    SystemRandom().fill(mark_);
  }

  enum class Bodies { together, apart };  ///< Apart: each body is written at once, so that it can fail alone.
  /// Begins, and locks the rows of these namespaces.
  void begin(Bodies bodies, std::span<const TenantId> tenants);
  void begin_body();
  void keep_body();
  void drop_body();
  /// Forgets what was read and may have been changed by others since. Between bodies apart.
  void forget_reads() { buffer_.forget_reads(); }
  /// Writes what is held back.
  void write();
  /// Makes what was written durable. Throws CommitLost when that is not known.
  void commit();
  /// Whether the database has what the lost commit wrote, now that it is certainly over.
  bool is_marked(const CommitLost& lost);
  /// Undoes everything; gives the connection up when it is in doubt.
  void abandon();

  /// After the commit: the namespaces that changed, as they are now.
  std::vector<Tenant> changed();

  std::optional<Tenant> tenant(const TenantId& id) override;
  std::vector<Tenant> tenants(std::string_view after, std::size_t limit) override;
  std::optional<Vm> vm(const TenantId& tenant, const VmId& id) override;
  std::vector<Vm> vms(const TenantId& tenant, const VmQuery& query) override;
  std::int64_t count_vms(const TenantId& tenant, VmState state) override;
  std::optional<IssuedToken> token(const TenantId& tenant, const TokenId& id) override;
  std::optional<IssuedToken> token_by_rid(const TenantId& tenant, const RevocationId& rid) override;
  std::vector<IssuedToken> tokens(const TenantId& tenant, const TokenQuery& query) override;
  bool is_revoked(const TenantId& tenant, RevocationKind kind, const Bytes<32>& id) override;
  std::vector<Bytes<32>> revoked_after(const TenantId& tenant, std::int64_t known, std::size_t limit) override;
  std::optional<Device> device(const TenantId& tenant, std::string_view id) override;
  std::vector<Device> devices(const TenantId& tenant, const DeviceQuery& query) override;
  std::optional<Node> node(const TenantId& tenant, std::string_view id) override;
  std::vector<Node> nodes(const TenantId& tenant, const NodeQuery& query) override;
  std::optional<Image> image(const TenantId& tenant, std::string_view name) override;
  std::vector<Image> images(const TenantId& tenant, const NameQuery& query) override;
  std::optional<SshKey> ssh_key(const TenantId& tenant, std::string_view name) override;
  std::vector<SshKey> ssh_keys(const TenantId& tenant, const NameQuery& query) override;
  std::optional<VmConsole> vm_console(const TenantId& tenant, const VmId& vm) override;
  std::optional<PoolReservation> pool_reservation(const TenantId& pool, const VmId& vm) override;
  std::vector<PoolReservation> pool_reservations(const TenantId& pool, std::string_view node_id) override;
  std::vector<PoolReservation> all_pool_reservations(const PoolWalk& walk) override;
  std::vector<PoolNews> pool_news(std::size_t limit) override;
  std::optional<TenantId> next_waiting_tenant(const TenantId& after) override;
  std::vector<Vm> waiting_vms(const TenantId& tenant, const WaitingQuery& query) override;
  std::optional<Challenge> challenge(const TenantId& tenant, const Bytes<32>& id) override;
  std::optional<cadastre::Session> session(const TenantId& tenant, const SessionId& id) override;
  std::vector<cadastre::Session> sessions(const TenantId& tenant, const SessionQuery& query) override;
  std::vector<cadastre::Session> ended_sessions(Instant now, std::size_t limit) override;
  std::vector<cadastre::Session> all_sessions(const SessionWalk& walk) override;
  std::optional<SeenLink> link(const TenantId& tenant, const RevocationId& rid) override;
  std::vector<SeenLink> links(const TenantId& tenant, const LinkQuery& query) override;
  std::int64_t counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid) override;
  RateBudget caveat_rate(const TenantId& tenant, const RevocationId& rid) override;
  std::vector<ExpiredBearer> expired_bearers(Instant at, std::size_t limit) override;
  std::vector<SigningKey> signing_keys() override;
  std::optional<LogHead> log_head(const TenantId& tenant) override;
  std::vector<Leaf> leaves(const TenantId& tenant, const LeafQuery& query) override;
  std::optional<PublishedCheckpoint> checkpoint(const TenantId& tenant) override;
  std::vector<LogState> logs(const std::optional<TenantId>& after, std::size_t limit) override;
  std::vector<LogState> unpublished_logs(std::size_t limit) override;
  std::optional<IdempotentAnswer> idempotent_answer(const TenantId& tenant, const Bytes<32>& key, Instant now) override;
  std::optional<std::string> setting(std::string_view name) override;
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
  void put(const cadastre::Session& session) override;
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
  Connection& connection() { return *connection_; }
  const Namespace& look_up(const TenantId& id);
  const Entry<Vm>& look_up(const Buffer::Key16& key);
  /// Locks the namespace, if there is one: before what nobody may change meanwhile is read.
  const Namespace& hold(const TenantId& id);
  /// The same before a write. Throws StoreFailure when there is none.
  void require(const TenantId& id);
  /// The body's own copy of a namespace, to be changed. Throws StoreFailure when there is none.
  Namespace& edit(const TenantId& id);
  /// A change that can end a token.
  void count_access_change(const TenantId& id);
  std::optional<PoolNews> news_of(const TenantId& tenant, const VmId& vm);
  void lock_now(const TenantId& id, const Namespace& seen);
  void raise(const TenantId& id);
  void write(const Vm& vm);
  void keep_lease();
  /// The connection, for a question that the buffer cannot answer: all that is held back is written first.
  Connection& up_to_date();

  Session& session_;
  Connection* connection_ = nullptr;  // of this transaction
  Buffer buffer_;
  SendingContext context_;
  Bodies bodies_ = Bodies::together;
  bool has_savepoint_ = false;            // the unfinished body's
  bool has_written_ = false;              // anything, so that the commit matters
  std::vector<TenantId> locked_by_body_;  // beyond those of `begin`
  std::int64_t id_ = 0;                   // once written
  Bytes<16> mark_{};                      // names this thread among all that write
  std::int64_t number_ = 0;               // of its commits
};

}  // namespace cadastre::postgresql

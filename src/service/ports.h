// The store as the use cases see it. Two engines fill it; one contract suite holds them to it (store/contract_test.h).
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/challenge.h"
#include "domain/counter.h"
#include "domain/device.h"
#include "domain/event.h"
#include "domain/image.h"
#include "domain/issued_token.h"
#include "domain/node.h"
#include "domain/pool.h"
#include "domain/rate_budget.h"
#include "domain/session.h"
#include "domain/signing_key.h"
#include "domain/ssh_key.h"
#include "domain/tenant.h"
#include "domain/vm.h"
#include "domain/vm_console.h"
#include "service/publication_port.h"
#include "service/rate_port.h"
#include "service/store_failure.h"
#include "service/store_query.h"

namespace cadastre {

/// The head of a log: what the next leaf follows.
struct LogHead {
  LogId log_id{};
  std::uint64_t size = 0;  ///< Also the `seq` of the next leaf.
  Instant last_ts;
};

/// One leaf as stored.
struct Leaf {
  std::uint64_t seq = 0;
  Instant ts;
  EventType type = EventType::tenant_created;
  Bytes<32> hash{};   ///< RFC 6962 leaf hash of `bytes`.
  std::string bytes;  ///< Exactly what is hashed.
};

/// The last checkpoint signed for a log.
struct PublishedCheckpoint {
  TenantId tenant;
  LogId log_id{};
  std::uint64_t size = 0;
  Bytes<32> root{};
  std::string note;  ///< The signed note (c2sp.org/tlog-checkpoint).
};

/// A log as the publisher and the start check see it: its head in the store and what was last published of it.
struct LogState {
  TenantId tenant;
  LogHead head;
  std::string vkey;
  std::uint64_t published_size = 0;  ///< 0: never published.
};

/// A namespace with the head of its log.
struct TenantWithHead {
  Tenant tenant;
  LogHead head;
};

/// The first answer to a request with an Idempotency-Key. Never holds a token: see `token_id`.
struct IdempotentAnswer {
  Bytes<32> key{};           ///< SHA-256 of subject, route and key.
  Bytes<32> request_hash{};  ///< SHA-256 of the body.
  int status = 0;
  std::string headers;  ///< Preformatted lines, as http/message.h's Response keeps them.
  std::string content_type;
  std::string body;
  std::string token_id;  ///< When not empty, the answer's token is signed again from the stored claims.
  Instant expires_at;
};

/// Counts that every namespace's rows must agree with (law 4); for tests, the crash check and `service-fs verify`.
struct Recount {
  Usage counters;            ///< As kept in the tenant row.
  Usage rows;                ///< As summed over the VMs.
  std::uint64_t head = 0;    ///< Ledger size in the tenant row.
  std::uint64_t leaves = 0;  ///< Leaves stored.
};

/// What can be asked. Every question about a tenant's data names the tenant. A reader belongs to one thread; each
/// question sees all that was committed before it was asked. Throws StoreFailure.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual std::optional<Tenant> tenant(const TenantId& id) = 0;  ///< Deleted ones too.
  /// Tenants in order of id, the platform's row and deleted ones left out.
  virtual std::vector<Tenant> tenants(std::string_view after, std::size_t limit) = 0;
  virtual std::optional<Vm> vm(const TenantId& tenant, const VmId& id) = 0;
  virtual std::vector<Vm> vms(const TenantId& tenant, const VmQuery& query) = 0;
  virtual std::int64_t count_vms(const TenantId& tenant, VmState state) = 0;
  virtual std::optional<IssuedToken> token(const TenantId& tenant, const TokenId& id) = 0;
  virtual std::optional<IssuedToken> token_by_rid(const TenantId& tenant, const RevocationId& rid) = 0;
  virtual std::vector<IssuedToken> tokens(const TenantId& tenant, const TokenQuery& query) = 0;
  /// Whether it was ever recorded, its `expires_at` past or not.
  virtual bool is_revoked(const TenantId& tenant, RevocationKind kind, const Bytes<32>& id) = 0;
  /// Those of them that were, in no order. One question where each costs a trip.
  virtual std::vector<Bytes<32>> revoked_among(const TenantId& tenant, RevocationKind kind,
                                               std::span<const Bytes<32>> ids);
  /// The ids of all that was ever recorded in the namespace, whatever their kind, in the order of recording and without
  /// the first `known`: at most `limit`. The tenant row's `revocations` is how many there are.
  virtual std::vector<Bytes<32>> revoked_after(const TenantId& tenant, std::int64_t known, std::size_t limit) = 0;
  virtual std::optional<Device> device(const TenantId& tenant, std::string_view id) = 0;
  virtual std::vector<Device> devices(const TenantId& tenant, const DeviceQuery& query) = 0;
  virtual std::optional<Node> node(const TenantId& tenant, std::string_view id) = 0;
  virtual std::vector<Node> nodes(const TenantId& tenant, const NodeQuery& query) = 0;
  /// Of the tenant's own catalogue alone; the platform's is asked for by its own id.
  virtual std::optional<Image> image(const TenantId& tenant, std::string_view name) = 0;
  virtual std::vector<Image> images(const TenantId& tenant, const NameQuery& query) = 0;
  virtual std::optional<SshKey> ssh_key(const TenantId& tenant, std::string_view name) = 0;
  virtual std::vector<SshKey> ssh_keys(const TenantId& tenant, const NameQuery& query) = 0;
  /// Nothing when its agent has sent nothing yet.
  virtual std::optional<VmConsole> vm_console(const TenantId& tenant, const VmId& vm) = 0;
  virtual std::optional<PoolReservation> pool_reservation(const TenantId& pool, const VmId& vm) = 0;
  virtual std::vector<PoolReservation> pool_reservations(const TenantId& pool, std::string_view node_id) = 0;
  /// Of all pools, in order of pool and VM, page after page; of a walk the last row's two ids are the next `after`.
  virtual std::vector<PoolReservation> all_pool_reservations(const PoolWalk& walk) = 0;
  /// Of all tenants, at most `limit`. Cheap when there are none.
  virtual std::vector<PoolNews> pool_news(std::size_t limit) = 0;
  /// The first tenant after `after` that has VMs which wait for a node and are to run. Costs the same however many
  /// tenants there are.
  virtual std::optional<TenantId> next_waiting_tenant(const TenantId& after) = 0;
  /// Its VMs that do, and fit into so much room: the oldest first. Passes over the others at the cost of an index entry
  /// each.
  virtual std::vector<Vm> waiting_vms(const TenantId& tenant, const WaitingQuery& query) = 0;
  virtual std::optional<Challenge> challenge(const TenantId& tenant, const Bytes<32>& id) = 0;  ///< Expired ones too.
  virtual std::optional<Session> session(const TenantId& tenant, const SessionId& id) = 0;      ///< Expired ones too.
  virtual std::vector<Session> sessions(const TenantId& tenant, const SessionQuery& query) = 0;
  /// Of all tenants, those that ended at `now` or before by `expires_at` or by `seen_at` and their idle limit alone, at
  /// most `limit`, the first to end first. Cheap when there are none.
  virtual std::vector<Session> ended_sessions(Instant now, std::size_t limit) = 0;
  /// Of all tenants, ended or not, page after page.
  virtual std::vector<Session> all_sessions(const SessionWalk& walk) = 0;
  virtual std::optional<SeenLink> link(const TenantId& tenant, const RevocationId& rid) = 0;
  virtual std::vector<SeenLink> links(const TenantId& tenant, const LinkQuery& query) = 0;
  /// 0 when nothing was counted yet.
  virtual std::int64_t counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid) = 0;
  /// What the element's `rpm` caveat counted; an empty one when that was nothing yet.
  virtual RateBudget caveat_rate(const TenantId& tenant, const RevocationId& rid) = 0;
  /// Of all tenants, elements that have counted requests and that expired at `at` or before: at most `limit`, by
  /// tenant. Cheap when there are none.
  virtual std::vector<ExpiredBearer> expired_bearers(Instant at, std::size_t limit) = 0;
  virtual std::vector<SigningKey> signing_keys() = 0;  ///< All of them, in order of `kid`.
  virtual std::optional<LogHead> log_head(const TenantId& tenant) = 0;
  /// Those of them that there are, deleted ones and the platform too, in no order. One question where each costs a
  /// trip.
  virtual std::vector<TenantWithHead> tenants_with_heads(std::span<const TenantId> ids);
  virtual std::vector<Leaf> leaves(const TenantId& tenant, const LeafQuery& query) = 0;
  virtual std::optional<PublishedCheckpoint> checkpoint(const TenantId& tenant) = 0;
  /// Every log in order of tenant, from the one after `after` on (the platform's first: give nothing to start).
  virtual std::vector<LogState> logs(const std::optional<TenantId>& after, std::size_t limit) = 0;
  /// The logs whose head is beyond what was published, at most `limit`, cheap when there are none.
  virtual std::vector<LogState> unpublished_logs(std::size_t limit) = 0;
  virtual std::optional<IdempotentAnswer> idempotent_answer(const TenantId& tenant, const Bytes<32>& key,
                                                            Instant now) = 0;
  virtual std::optional<std::string> setting(
      std::string_view name) = 0;  ///< Of the deployment: `issuer`, `ledger_host`.
  virtual Recount recount(const TenantId& tenant) = 0;
};

/// One transaction: what it asks sees what it has written. Not committed by itself: the store does, or drops it.
class Tx : public Reader {
 public:
  virtual void insert(const Tenant& tenant) = 0;
  /// Writes the row but for what never changes (`log_id`, `created_at`, `created_by`) and what the store counts
  /// itself: the log's head, `revocations`, `access_changes` and `revision`. A change of the row or of the tenant's VMs
  /// raises `revision` by one for each transaction; the caller's copy keeps the old one. Throws StoreFailure when there
  /// is no such row, as every change of a missing row does.
  virtual void update(const Tenant& tenant) = 0;
  virtual void insert(const Vm& vm) = 0;
  virtual void update(const Vm& vm) = 0;
  virtual void erase(const TenantId& tenant, const VmId& vm) = 0;
  virtual void insert(const IssuedToken& token) = 0;
  virtual void mark_revoked(const TenantId& tenant, const TokenId& token, Instant at, std::string_view by) = 0;
  /// The token was used: `first_seen` is set once, `last_seen` never goes back.
  virtual void mark_seen(const TenantId& tenant, const TokenId& token, Instant at) = 0;
  /// Also raises the tenant row's `revocations`. Recording the same twice changes nothing.
  virtual void insert(const Revocation& revocation) = 0;
  /// Each `put` below writes the whole row, new or not. A change of a device or a signing key also raises the tenant
  /// row's `access_changes`, so that every process hears of it; the rest raises nothing, a node too: the room on it
  /// is not its tenant's usage, and no check compares its `placed` with the VMs.
  virtual void put(const Device& device) = 0;
  virtual void erase_device(const TenantId& tenant, std::string_view id) = 0;
  virtual void put(const Node& node) = 0;
  virtual void erase_node(const TenantId& tenant, std::string_view id) = 0;
  virtual void put(const Image& image) = 0;
  virtual void erase_image(const TenantId& tenant, std::string_view name) = 0;
  virtual void put(const SshKey& key) = 0;
  virtual void erase_ssh_key(const TenantId& tenant, std::string_view name) = 0;
  /// Throws StoreFailure when it is longer than `console_bytes_max`.
  virtual void put(const VmConsole& console) = 0;
  /// There need not be one.
  virtual void erase_vm_console(const TenantId& tenant, const VmId& vm) = 0;
  virtual void put(const PoolReservation& reservation) = 0;
  /// One that is not there is no trouble; the same is true of news.
  virtual void erase_pool_reservation(const TenantId& pool, const VmId& vm) = 0;
  virtual void put(const PoolNews& news) = 0;
  /// Unless it was replaced since: only the news of that number.
  virtual void erase(const PoolNews& news) = 0;
  /// Others of the tenant that have expired by its `created_at` are forgotten on the way.
  virtual void put(const Challenge& challenge) = 0;
  virtual void erase_challenge(const TenantId& tenant, const Bytes<32>& id) = 0;
  virtual void put(const Session& session) = 0;
  /// Tells nobody: whoever ends a session before its time records a revocation too.
  virtual void erase_session(const TenantId& tenant, const SessionId& id) = 0;
  virtual void put(const SeenLink& link) = 0;
  /// Requires a value that is not negative; 0 forgets the counter. `expires_at` is the element's end; nothing for a
  /// counter that is to stay for as long as it is above 0.
  virtual void set_counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid, std::int64_t value,
                           std::optional<Instant> expires_at) = 0;
  virtual void set_caveat_rate(const TenantId& tenant, const RevocationId& rid, const RateBudget& rate,
                               Instant expires_at) = 0;
  /// What the element's `uses` and `rpm` caveats have counted is forgotten, if they have.
  virtual void forget_requests(const TenantId& tenant, const RevocationId& rid) = 0;
  virtual void put(const SigningKey& key) = 0;  ///< In the platform's namespace.
  /// Appends the event to its tenant's log: seq from the head, ts = max(`now`, last ts). Answers the seq.
  virtual std::uint64_t append(const Event& event, Instant now) = 0;
  /// Requires that `idempotent_answer` found none in this transaction; an expired one is replaced. Others that have
  /// expired may be forgotten on the way.
  virtual void record(const TenantId& tenant, const IdempotentAnswer& answer) = 0;
  /// Compare-and-swap: false, and nothing written, when the log's published size is not `expected_size` any more.
  virtual bool publish(const PublishedCheckpoint& checkpoint, std::uint64_t expected_size) = 0;
  virtual void set_setting(std::string_view name, std::string_view value) = 0;
};

/// What a change's body wants done with what it wrote.
enum class Verdict { commit, drop };

/// A change waiting for its turn.
struct Change {
  /// Fairness: one change per tenant in turn, a bounded number waiting per tenant.
  TenantId tenant;
  /// Decides and writes. It may run more than once, on another thread, so it changes nothing but `tx` and its own
  /// answer. An exception is passed to `done`, and nothing is kept.
  std::function<Verdict(Tx&)> body;
  /// Called exactly once, on a thread of the store, when what the body wrote is durable or dropped; with the exception
  /// that stopped it, if any. Must be quick and must not throw.
  std::function<void(std::exception_ptr)> done;
  /// The other tenants that the body changes, as far as they are known before it runs: a store that locks rows locks
  /// theirs with the first, instead of running the body again for each that is not free.
  std::vector<TenantId> further = {};
};

/// What the store tells this process: of its own changes after the commit and before any `done` of it is called; of
/// other processes' changes soon. May be called from several threads.
class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;
  /// The tenant's data changed: its row as it is now, or was a moment ago: `revision` grows with every change, of its
  /// VMs too. Of what other processes did only changes of the row itself are told. A new revocation is such a change,
  /// and a change of a device or a signing key: the row counts them, so whoever knew another count asks the store
  /// again.
  virtual void tenant_changed(const Tenant& tenant) = 0;
  /// Some changes may not have been told: what was heard of before is in doubt.
  virtual void missed() = 0;
};

/// Figures of the committer for metrics; all since the start.
struct StoreFigures {
  std::uint64_t groups = 0;
  std::uint64_t changes = 0;
  std::uint64_t commit_ns = 0;  ///< Time inside COMMIT, fsync included.
  std::uint64_t commit_ns_last = 0;
  std::uint64_t group_size_last = 0;
  std::uint64_t waiting = 0;                      ///< Changes queued now.
  std::uint64_t refused_full = 0;                 ///< Submissions refused because the tenant's lane was full.
  std::uint64_t reruns = 0;                       ///< Groups run again: a body failed, or others were in the way.
  std::vector<std::uint64_t> group_size_counts;   ///< Groups of size <= 1, 2, 4, 8, … 512.
  std::vector<std::uint64_t> commit_time_counts;  ///< Commits within 0.25, 0.5, 1, 2, 4, … ms; the last is the rest.
};

class Store {
 public:
  virtual ~Store() = default;
  virtual std::unique_ptr<Reader> open_reader() = 0;
  /// Queues a change; false when the tenant's lane is full or the store is stopping, and then nothing is called. Throws
  /// StoreFailure, and calls nothing either, when it is known already that the store cannot be asked.
  [[nodiscard]] virtual bool submit(Change change) = 0;
  /// Names the one listener; before the first submit. It outlives the store.
  virtual void subscribe(ChangeFeed& feed) = 0;
  /// True when every change of the data passes this process's feed before anyone is answered, so that what was
  /// rendered for an unchanged tenant may be kept.
  virtual bool feed_is_exact() const = 0;
  /// How old the news of other processes are at most; nothing when the feed is exact.
  virtual std::chrono::milliseconds feed_age() const = 0;
  /// Where all processes on this store share the tenants' rates; null when this one is alone. Does not outlive the
  /// store.
  virtual std::unique_ptr<RateBudgets> open_rate_budgets() { return nullptr; }
  /// Where the store itself keeps the published files, for all processes on it; null when they lie in a folder. Does
  /// not outlive the store.
  virtual std::unique_ptr<TileStore> open_tiles() { return nullptr; }
  /// Which process on this store publishes; null when this one is alone. Does not outlive the store.
  virtual std::unique_ptr<PublisherLease> open_publisher_lease() { return nullptr; }
  virtual StoreFigures figures() const = 0;
  /// Runs what was queued, then refuses. Idempotent.
  virtual void stop() = 0;
};

namespace detail {
/// Runs one change through the store and waits for it. Throws what the body or the store threw.
void run_and_wait(Store& store, const TenantId& tenant, std::function<Verdict(Tx&)> body,
                  std::vector<TenantId> further = {});
}  // namespace detail

/// Runs `body(Tx&) -> Result<T>` in one transaction and answers when it is durable: commits a yes, drops a refusal.
/// For callers that may block; a request goes through the server's committer instead. `further` is the change's.
template <class Body>
auto transact(Store& store, const TenantId& tenant, Body&& body, std::vector<TenantId> further = {}) {
  std::optional<decltype(body(std::declval<Tx&>()))> answer;
  detail::run_and_wait(
      store, tenant,
      [&](Tx& tx) {
        answer = body(tx);
        return *answer ? Verdict::commit : Verdict::drop;
      },
      std::move(further));
  return *std::move(answer);
}

}  // namespace cadastre

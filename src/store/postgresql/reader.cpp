#include "store/postgresql/reader.h"

#include "store/postgresql/questions.h"

namespace cadastre::postgresql {
namespace {

class SessionReader final : public Reader {
  // Above its callers, who need to know what it answers.
  /// A connection that was lost while nobody used it is noticed by the next question, which is asked again on a new
  /// one.
  template <class Question>
  auto ask(Question question) {
    try {
      return question(session_->connection());
    } catch (const Failure& failure) {
      if (failure.trouble() != Trouble::connection) throw;
      session_->drop();
    }
    return question(session_->connection());
  }

 public:
  explicit SessionReader(std::shared_ptr<SessionPool> pool) : pool_(std::move(pool)), session_(pool_->take()) {}
  SessionReader(const SessionReader&) = delete;
  SessionReader& operator=(const SessionReader&) = delete;
  ~SessionReader() override { pool_->give_back(std::move(session_)); }

  std::optional<Tenant> tenant(const TenantId& id) override {
    auto row = ask([&](Connection& c) { return find_namespace(c, id); });
    return row ? std::optional(std::move(row->tenant)) : std::nullopt;
  }
  std::vector<Tenant> tenants(std::string_view after, std::size_t limit) override {
    return ask([&](Connection& c) { return tenants_after(c, after, limit); });
  }
  std::optional<Vm> vm(const TenantId& tenant, const VmId& id) override {
    return ask([&](Connection& c) { return find_vm(c, tenant, id); });
  }
  std::vector<Vm> vms(const TenantId& tenant, const VmQuery& query) override {
    return ask([&](Connection& c) { return find_vms(c, tenant, query); });
  }
  std::int64_t count_vms(const TenantId& tenant, VmState state) override {
    return ask([&](Connection& c) { return postgresql::count_vms(c, tenant, state); });
  }
  std::optional<IssuedToken> token(const TenantId& tenant, const TokenId& id) override {
    return ask([&](Connection& c) { return find_token(c, tenant, id); });
  }
  std::optional<IssuedToken> token_by_rid(const TenantId& tenant, const RevocationId& rid) override {
    return ask([&](Connection& c) { return find_token_by_rid(c, tenant, rid); });
  }
  std::vector<IssuedToken> tokens(const TenantId& tenant, const TokenQuery& query) override {
    return ask([&](Connection& c) { return find_tokens(c, tenant, query); });
  }
  bool is_revoked(const TenantId& tenant, RevocationKind kind, const Bytes<32>& id) override {
    return ask([&](Connection& c) { return postgresql::is_revoked(c, tenant, kind, id); });
  }
  std::vector<Bytes<32>> revoked_among(const TenantId& tenant, RevocationKind kind,
                                       std::span<const Bytes<32>> ids) override {
    return ask([&](Connection& c) { return postgresql::revoked_among(c, tenant, kind, ids); });
  }
  std::vector<Bytes<32>> revoked_after(const TenantId& tenant, std::int64_t known, std::size_t limit) override {
    return ask([&](Connection& c) { return postgresql::revoked_after(c, tenant, known, limit); });
  }
  std::optional<Device> device(const TenantId& tenant, std::string_view id) override {
    return ask([&](Connection& c) { return find_device(c, tenant, id); });
  }
  std::vector<Device> devices(const TenantId& tenant, const DeviceQuery& query) override {
    return ask([&](Connection& c) { return find_devices(c, tenant, query); });
  }
  std::optional<Node> node(const TenantId& tenant, std::string_view id) override {
    return ask([&](Connection& c) { return find_node(c, tenant, id); });
  }
  std::vector<Node> nodes(const TenantId& tenant, const NodeQuery& query) override {
    return ask([&](Connection& c) { return find_nodes(c, tenant, query); });
  }
  std::optional<Image> image(const TenantId& tenant, std::string_view name) override {
    return ask([&](Connection& c) { return find_image(c, tenant, name); });
  }
  std::vector<Image> images(const TenantId& tenant, const NameQuery& query) override {
    return ask([&](Connection& c) { return find_images(c, tenant, query); });
  }
  std::optional<SshKey> ssh_key(const TenantId& tenant, std::string_view name) override {
    return ask([&](Connection& c) { return find_ssh_key(c, tenant, name); });
  }
  std::vector<SshKey> ssh_keys(const TenantId& tenant, const NameQuery& query) override {
    return ask([&](Connection& c) { return find_ssh_keys(c, tenant, query); });
  }
  std::optional<VmConsole> vm_console(const TenantId& tenant, const VmId& vm) override {
    return ask([&](Connection& c) { return find_vm_console(c, tenant, vm); });
  }
  std::optional<PoolReservation> pool_reservation(const TenantId& pool, const VmId& vm) override {
    return ask([&](Connection& c) { return find_pool_reservation(c, pool, vm); });
  }
  std::vector<PoolReservation> pool_reservations(const TenantId& pool, std::string_view node_id) override {
    return ask([&](Connection& c) { return find_pool_reservations(c, pool, node_id); });
  }
  std::vector<PoolReservation> all_pool_reservations(const PoolWalk& walk) override {
    return ask([&](Connection& c) { return postgresql::all_pool_reservations(c, walk); });
  }
  std::vector<PoolNews> pool_news(std::size_t limit) override {
    return ask([&](Connection& c) { return postgresql::pool_news(c, limit); });
  }
  std::optional<TenantId> next_waiting_tenant(const TenantId& after) override {
    return ask([&](Connection& c) { return postgresql::next_waiting_tenant(c, after); });
  }
  std::vector<Vm> waiting_vms(const TenantId& tenant, const WaitingQuery& query) override {
    return ask([&](Connection& c) { return postgresql::waiting_vms(c, tenant, query); });
  }
  std::optional<Challenge> challenge(const TenantId& tenant, const Bytes<32>& id) override {
    return ask([&](Connection& c) { return find_challenge(c, tenant, id); });
  }
  std::optional<cadastre::Session> session(const TenantId& tenant, const SessionId& id) override {
    return ask([&](Connection& c) { return find_session(c, tenant, id); });
  }
  std::vector<cadastre::Session> sessions(const TenantId& tenant, const SessionQuery& query) override {
    return ask([&](Connection& c) { return find_sessions(c, tenant, query); });
  }
  std::vector<cadastre::Session> ended_sessions(Instant now, std::size_t limit) override {
    return ask([&](Connection& c) { return postgresql::ended_sessions(c, now, limit); });
  }
  std::vector<cadastre::Session> all_sessions(const SessionWalk& walk) override {
    return ask([&](Connection& c) { return postgresql::all_sessions(c, walk); });
  }
  std::optional<SeenLink> link(const TenantId& tenant, const RevocationId& rid) override {
    return ask([&](Connection& c) { return find_link(c, tenant, rid); });
  }
  std::vector<SeenLink> links(const TenantId& tenant, const LinkQuery& query) override {
    return ask([&](Connection& c) { return find_links(c, tenant, query); });
  }
  std::int64_t counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid) override {
    return ask([&](Connection& c) { return find_counter(c, tenant, kind, rid); }).value_or(0);
  }
  RateBudget caveat_rate(const TenantId& tenant, const RevocationId& rid) override {
    return ask([&](Connection& c) { return find_caveat_rate(c, tenant, rid); });
  }
  std::vector<ExpiredBearer> expired_bearers(Instant at, std::size_t limit) override {
    return ask([&](Connection& c) { return postgresql::expired_bearers(c, at, limit); });
  }
  std::vector<SigningKey> signing_keys() override {
    return ask([&](Connection& c) { return postgresql::signing_keys(c); });
  }
  std::optional<LogHead> log_head(const TenantId& tenant) override {
    const auto row = ask([&](Connection& c) { return find_namespace(c, tenant); });
    return row ? std::optional(row->head) : std::nullopt;
  }
  std::vector<TenantWithHead> tenants_with_heads(std::span<const TenantId> ids) override {
    return ask([&](Connection& c) { return find_namespaces(c, ids); });
  }
  std::vector<Leaf> leaves(const TenantId& tenant, const LeafQuery& query) override {
    return ask([&](Connection& c) { return find_leaves(c, tenant, query); });
  }
  std::optional<PublishedCheckpoint> checkpoint(const TenantId& tenant) override {
    return ask([&](Connection& c) { return find_checkpoint(c, tenant); });
  }
  std::vector<LogState> logs(const std::optional<TenantId>& after, std::size_t limit) override {
    return ask([&](Connection& c) { return find_logs(c, after, limit); });
  }
  std::vector<LogState> unpublished_logs(std::size_t limit) override {
    return ask([&](Connection& c) { return postgresql::unpublished_logs(c, limit); });
  }
  std::optional<IdempotentAnswer> idempotent_answer(const TenantId& tenant, const Bytes<32>& key,
                                                    Instant now) override {
    auto answer = ask([&](Connection& c) { return find_answer(c, tenant, key); });
    return answer && answer->expires_at > now ? answer : std::nullopt;
  }
  std::optional<std::string> setting(std::string_view name) override {
    return ask([&](Connection& c) { return find_setting(c, name); });
  }
  Recount recount(const TenantId& tenant) override {
    return ask([&](Connection& c) { return postgresql::recount(c, tenant); });
  }

 private:
  std::shared_ptr<SessionPool> pool_;
  std::unique_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<Reader> make_reader(std::shared_ptr<SessionPool> pool) {
  return std::make_unique<SessionReader>(std::move(pool));
}

}  // namespace cadastre::postgresql

#include "store/postgresql/questions.h"

#include <algorithm>
#include <limits>

#include "store/packed_columns.h"
#include "store/pool_row.h"

namespace cadastre::postgresql {
namespace {

constexpr std::int64_t integer_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t integer_min = std::numeric_limits<std::int64_t>::min();

template <class Row, class Read>
std::vector<Row> all_of(Rows rows, Read read) {
  std::vector<Row> found;
  found.reserve(static_cast<std::size_t>(rows.count()));
  while (rows.next()) found.push_back(read(rows));
  return found;
}

template <class Row, class Read>
std::optional<Row> first_of(Rows rows, Read read) {
  if (!rows.next()) return std::nullopt;
  return read(rows);
}

std::int64_t clamped(std::uint64_t number) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(number, integer_max));
}

std::int64_t bits_of(const std::vector<EventType>& types) {
  if (types.empty()) return -1;
  std::uint64_t bits = 0;
  for (const EventType type : types) bits |= std::uint64_t{1} << static_cast<unsigned>(type);
  return static_cast<std::int64_t>(bits);
}

/// The least seq in [from, to) whose leaf is not older than `at`, or `to`: no log's `ts` ever goes back. `from` when a
/// leaf is missing.
std::uint64_t first_since(Connection& connection, const TenantId& tenant, std::uint64_t from, std::uint64_t to,
                          Instant at) {
  std::uint64_t least = from;
  for (std::uint64_t past = to; least < past;) {
    const std::uint64_t middle = least + (past - least) / 2;
    auto rows = connection.run(Sql::leaf_ts, tenant.text(), middle);
    if (!rows.next()) return from;
    if (rows.instant(0) < at)
      least = middle + 1;
    else
      past = middle;
  }
  return least;
}

/// The part of the log that the query's times leave to be read, at most.
std::pair<std::uint64_t, std::uint64_t> range(Connection& connection, const TenantId& tenant, const LeafQuery& query) {
  std::uint64_t from = query.from;
  std::uint64_t to = query.to;
  if (!query.since && !query.until) return {from, to};
  auto last = connection.run(Sql::last_seq, tenant.text());
  if (!last.next() || last.is_null(0)) return {from, to};
  to = std::min(to, static_cast<std::uint64_t>(last.integer(0)) + 1);
  if (query.since) from = first_since(connection, tenant, from, to, *query.since);
  // A missing leaf leaves the upper end as it is: the question itself names the time again.
  if (query.until) to = std::max(first_since(connection, tenant, from, to, *query.until), from);
  return {from, to};
}

}  // namespace

std::optional<NamespaceRow> find_namespace(Connection& connection, const TenantId& id) {
  return first_of<NamespaceRow>(connection.run(Sql::find_tenant, id.text()), namespace_of);
}

std::vector<TenantWithHead> find_namespaces(Connection& connection, std::span<const TenantId> ids) {
  if (ids.empty()) return {};
  Columns columns;
  for (const TenantId& id : ids) columns.add(id.text());
  Pipeline pipeline(connection);
  pipeline.send_rows(Sql::find_tenants, columns);
  return all_of<TenantWithHead>(std::move(pipeline.finish().front()), [](const Rows& rows) {
    NamespaceRow row = namespace_of(rows);
    return TenantWithHead{std::move(row.tenant), row.head};
  });
}

std::vector<Tenant> tenants_after(Connection& connection, std::string_view after, std::size_t limit) {
  return all_of<Tenant>(connection.run(Sql::tenants_after, after, TenantState::deleted, limit),
                        [](const Rows& rows) { return namespace_of(rows).tenant; });
}

std::optional<Vm> find_vm(Connection& connection, const TenantId& tenant, const VmId& id) {
  return first_of<Vm>(connection.run(Sql::find_vm, tenant.text(), id.bytes()), vm_of);
}

std::vector<Vm> find_vms(Connection& connection, const TenantId& tenant, const VmQuery& query) {
  const ByteView after = query.after ? ByteView(query.after->bytes()) : ByteView();
  if (!query.state && query.node_id.empty() && query.name.empty())
    return all_of<Vm>(connection.run(Sql::vms_after, tenant.text(), after, query.limit), vm_of);
  return all_of<Vm>(connection.run(Sql::filtered_vms_after, tenant.text(), after, query.limit, query.state,
                                   TextOrNull{query.node_id}, TextOrNull{query.name}),
                    vm_of);
}

std::int64_t count_vms(Connection& connection, const TenantId& tenant, VmState state) {
  auto rows = connection.run(Sql::count_vms, tenant.text(), state);
  return rows.next() ? rows.integer(0) : 0;
}

Recount recount(Connection& connection, const TenantId& tenant) {
  auto rows = connection.run(Sql::recount, tenant.text());
  Recount counts;
  if (!rows.next()) return counts;
  if (!rows.is_null(0)) {
    NamespaceRow row{{.tenant = {.id = tenant}, .head = {}}};
    read_usage(rows, row);
    counts.counters = row.tenant.used;
    counts.head = row.head.size;
  }
  counts.rows = {.vms = VmCount{rows.integer(usage_columns)},
                 .storage = Gigabytes{rows.integer(usage_columns + 1)},
                 .ram = Mebibytes{rows.integer(usage_columns + 2)},
                 .vcpus = VcpuCount{rows.integer(usage_columns + 3)}};
  counts.leaves = static_cast<std::uint64_t>(rows.integer(usage_columns + 4));
  return counts;
}

std::optional<IssuedToken> find_token(Connection& connection, const TenantId& tenant, const TokenId& id) {
  return first_of<IssuedToken>(connection.run(Sql::find_token, tenant.text(), id), token_of);
}

std::optional<IssuedToken> find_token_by_rid(Connection& connection, const TenantId& tenant, const RevocationId& rid) {
  return first_of<IssuedToken>(connection.run(Sql::find_token_by_rid, tenant.text(), rid), token_of);
}

std::vector<IssuedToken> find_tokens(Connection& connection, const TenantId& tenant, const TokenQuery& query) {
  const ByteView after = query.after ? ByteView(*query.after) : ByteView();
  return all_of<IssuedToken>(connection.run(Sql::tokens_after, tenant.text(), after, query.limit), token_of);
}

bool is_revoked(Connection& connection, const TenantId& tenant, RevocationKind kind, const Bytes<32>& id) {
  return connection.run(Sql::is_revoked, tenant.text(), kind, id).next();
}

std::vector<Bytes<32>> revoked_among(Connection& connection, const TenantId& tenant, RevocationKind kind,
                                     std::span<const Bytes<32>> ids) {
  if (ids.empty()) return {};
  Columns columns;
  for (const Bytes<32>& id : ids) columns.add(tenant.text(), kind, id);
  Pipeline pipeline(connection);
  pipeline.send_rows(Sql::revoked_among, columns);
  return all_of<Bytes<32>>(std::move(pipeline.finish().front()), [](const Rows& rows) { return rows.blob<32>(0); });
}

std::vector<Bytes<32>> revoked_after(Connection& connection, const TenantId& tenant, std::int64_t known,
                                     std::size_t limit) {
  return all_of<Bytes<32>>(connection.run(Sql::revoked_after, tenant.text(), known, limit),
                           [](const Rows& rows) { return rows.blob<32>(0); });
}

std::optional<Device> find_device(Connection& connection, const TenantId& tenant, std::string_view id) {
  return first_of<Device>(connection.run(Sql::find_device, tenant.text(), id), device_of);
}

std::vector<Device> find_devices(Connection& connection, const TenantId& tenant, const DeviceQuery& query) {
  return all_of<Device>(connection.run(Sql::devices_after, tenant.text(), query.after, query.limit), device_of);
}

std::optional<Node> find_node(Connection& connection, const TenantId& tenant, std::string_view id) {
  return first_of<Node>(connection.run(Sql::find_node, tenant.text(), id), node_of);
}

std::vector<Node> find_nodes(Connection& connection, const TenantId& tenant, const NodeQuery& query) {
  return all_of<Node>(connection.run(Sql::nodes_after, tenant.text(), query.after, query.limit), node_of);
}

std::optional<Image> find_image(Connection& connection, const TenantId& tenant, std::string_view name) {
  return first_of<Image>(connection.run(Sql::find_image, tenant.text(), name), image_of);
}

std::vector<Image> find_images(Connection& connection, const TenantId& tenant, const NameQuery& query) {
  return all_of<Image>(connection.run(Sql::images_after, tenant.text(), query.after, query.limit), image_of);
}

std::optional<SshKey> find_ssh_key(Connection& connection, const TenantId& tenant, std::string_view name) {
  return first_of<SshKey>(connection.run(Sql::find_ssh_key, tenant.text(), name), ssh_key_of);
}

std::vector<SshKey> find_ssh_keys(Connection& connection, const TenantId& tenant, const NameQuery& query) {
  return all_of<SshKey>(connection.run(Sql::ssh_keys_after, tenant.text(), query.after, query.limit), ssh_key_of);
}

std::optional<VmConsole> find_vm_console(Connection& connection, const TenantId& tenant, const VmId& vm) {
  return first_of<VmConsole>(connection.run(Sql::find_vm_console, tenant.text(), vm.bytes()), vm_console_of);
}

std::optional<PoolReservation> find_pool_reservation(Connection& connection, const TenantId& pool, const VmId& vm) {
  return first_of<PoolReservation>(connection.run(Sql::find_pool_reservation, pool.text(), vm.bytes()),
                                   pool_reservation_of<Rows>);
}

std::vector<PoolReservation> find_pool_reservations(Connection& connection, const TenantId& pool,
                                                    std::string_view node_id) {
  return all_of<PoolReservation>(connection.run(Sql::pool_reservations_of_node, pool.text(), node_id),
                                 pool_reservation_of<Rows>);
}

std::vector<PoolReservation> all_pool_reservations(Connection& connection, const PoolWalk& walk) {
  const ByteView after = walk.after ? ByteView(walk.after->bytes()) : ByteView();
  return all_of<PoolReservation>(connection.run(Sql::all_pool_reservations, walk.after_pool.text(), after, walk.limit),
                                 pool_reservation_of<Rows>);
}

std::optional<PoolNews> find_pool_news(Connection& connection, const TenantId& tenant, const VmId& vm) {
  return first_of<PoolNews>(connection.run(Sql::find_pool_news, tenant.text(), vm.bytes()), pool_news_of<Rows>);
}

std::vector<PoolNews> pool_news(Connection& connection, std::size_t limit) {
  return all_of<PoolNews>(connection.run(Sql::all_pool_news, limit), pool_news_of<Rows>);
}

std::optional<TenantId> next_waiting_tenant(Connection& connection, const TenantId& after) {
  return first_of<TenantId>(connection.run(Sql::next_waiting_tenant, after.text()),
                            [](const Rows& rows) { return tenant_id_of(rows.bytes(0)); });
}

std::vector<Vm> waiting_vms(Connection& connection, const TenantId& tenant, const WaitingQuery& query) {
  const ByteView after = query.after ? ByteView(query.after->bytes()) : ByteView();
  return all_of<Vm>(connection.run(Sql::waiting_vms, tenant.text(), after, query.most.ram, query.most.vcpus,
                                   query.most.disk, query.limit),
                    vm_of);
}

std::optional<Challenge> find_challenge(Connection& connection, const TenantId& tenant, const Bytes<32>& id) {
  return first_of<Challenge>(connection.run(Sql::find_challenge, tenant.text(), id), challenge_of);
}

std::optional<cadastre::Session> find_session(Connection& connection, const TenantId& tenant, const SessionId& id) {
  return first_of<cadastre::Session>(connection.run(Sql::find_session, tenant.text(), id), session_of);
}

std::vector<cadastre::Session> find_sessions(Connection& connection, const TenantId& tenant,
                                             const SessionQuery& query) {
  const ByteView after = query.after ? ByteView(*query.after) : ByteView();
  return all_of<cadastre::Session>(connection.run(Sql::sessions_after, tenant.text(), after, query.limit), session_of);
}

std::vector<cadastre::Session> ended_sessions(Connection& connection, Instant now, std::size_t limit) {
  return all_of<cadastre::Session>(connection.run(Sql::ended_sessions, now, limit), session_of);
}

std::vector<cadastre::Session> all_sessions(Connection& connection, const SessionWalk& walk) {
  const ByteView after = walk.after ? ByteView(*walk.after) : ByteView();
  return all_of<cadastre::Session>(connection.run(Sql::all_sessions, walk.after_tenant.text(), after, walk.limit),
                                   session_of);
}

std::optional<SeenLink> find_link(Connection& connection, const TenantId& tenant, const RevocationId& rid) {
  return first_of<SeenLink>(connection.run(Sql::find_link, tenant.text(), rid), link_of);
}

std::vector<SeenLink> find_links(Connection& connection, const TenantId& tenant, const LinkQuery& query) {
  const ByteView after = query.after ? ByteView(*query.after) : ByteView();
  return all_of<SeenLink>(connection.run(Sql::links_after, tenant.text(), after, query.limit), link_of);
}

std::optional<std::int64_t> find_counter(Connection& connection, const TenantId& tenant, CounterKind kind,
                                         const RevocationId& rid) {
  return first_of<std::int64_t>(connection.run(Sql::find_counter, tenant.text(), kind, rid),
                                [](const Rows& rows) { return rows.integer(0); });
}

RateBudget find_caveat_rate(Connection& connection, const TenantId& tenant, const RevocationId& rid) {
  return first_of<RateBudget>(connection.run(Sql::find_caveat_rate, tenant.text(), rid),
                              [](const Rows& rows) { return stored_rate(rows.bytes(0)); })
      .value_or(RateBudget());
}

std::vector<ExpiredBearer> expired_bearers(Connection& connection, Instant at, std::size_t limit) {
  return all_of<ExpiredBearer>(connection.run(Sql::expired_bearers, at, limit), [](const Rows& rows) {
    return ExpiredBearer{.tenant = tenant_id_of(rows.bytes(0)), .rid = rows.blob<32>(1)};
  });
}

std::vector<SigningKey> signing_keys(Connection& connection) {
  return all_of<SigningKey>(connection.run(Sql::signing_keys, TenantId::platform().text()), signing_key_of);
}

std::vector<Leaf> find_leaves(Connection& connection, const TenantId& tenant, const LeafQuery& query) {
  const auto [from, to] = range(connection, tenant, query);
  const std::int64_t since = query.since ? ms_since_epoch(*query.since) : integer_min;
  const std::int64_t until = query.until ? ms_since_epoch(*query.until) : integer_max;
  const Sql id = query.order == Order::ascending ? Sql::leaves_ascending : Sql::leaves_descending;
  return all_of<Leaf>(
      connection.run(id, tenant.text(), clamped(from), clamped(to), bits_of(query.types), since, until, query.limit),
      leaf_of);
}

std::optional<PublishedCheckpoint> find_checkpoint(Connection& connection, const TenantId& tenant) {
  return first_of<PublishedCheckpoint>(connection.run(Sql::find_checkpoint, tenant.text()), [&](const Rows& rows) {
    return PublishedCheckpoint{.tenant = tenant,
                               .log_id = rows.blob<16>(0),
                               .size = static_cast<std::uint64_t>(rows.integer(1)),
                               .root = rows.blob<32>(2),
                               .note = rows.text(3)};
  });
}

std::vector<LogState> find_logs(Connection& connection, const std::optional<TenantId>& after, std::size_t limit) {
  return all_of<LogState>(
      after ? connection.run(Sql::logs_after, after->text(), limit) : connection.run(Sql::first_logs, limit), log_of);
}

std::vector<LogState> unpublished_logs(Connection& connection, std::size_t limit) {
  return all_of<LogState>(connection.run(Sql::unpublished_logs, limit), log_of);
}

std::optional<IdempotentAnswer> find_answer(Connection& connection, const TenantId& tenant, const Bytes<32>& key) {
  return first_of<IdempotentAnswer>(connection.run(Sql::find_answer, tenant.text(), key), [&](const Rows& rows) {
    return IdempotentAnswer{.key = key,
                            .request_hash = rows.blob<32>(0),
                            .status = static_cast<int>(rows.integer(1)),
                            .headers = rows.text(2),
                            .content_type = rows.text(3),
                            .body = rows.text(4),
                            .token_id = rows.text(5),
                            .expires_at = rows.instant(6)};
  });
}

std::optional<std::string> find_setting(Connection& connection, std::string_view name) {
  return first_of<std::string>(connection.run(Sql::find_setting, name), [](const Rows& rows) { return rows.text(0); });
}

}  // namespace cadastre::postgresql

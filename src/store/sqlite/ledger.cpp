#include "store/sqlite/ledger.h"

#include <algorithm>
#include <limits>

#include "store/sqlite/tenants.h"

namespace cadastre::sqlite {
namespace {

constexpr std::int64_t integer_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t integer_min = std::numeric_limits<std::int64_t>::min();

std::string select_leaves(std::string_view order) {
  // The types are a bit set: one statement for every choice of them.
  return "SELECT seq, ts, type, hash, bytes FROM ledger_leaf WHERE tenant_id = ?1 AND seq >= ?2 AND seq < ?3 "
         "AND (?4 >> type) & 1 AND ts >= ?5 AND ts < ?6 ORDER BY seq " +
         std::string(order) + " LIMIT ?7";
}

const std::string log_columns =
    "SELECT t.tenant_id, t.log_id, u.ledger_size, u.ledger_last_ts, t.vkey, coalesce(c.published_size, 0) "
    "FROM tenant_usage u JOIN tenant t ON t.tenant_id = u.tenant_id "
    "LEFT JOIN ledger_checkpoint c ON c.tenant_id = u.tenant_id ";
const std::string is_unpublished = "u.ledger_size > coalesce(c.published_size, 0) ";

LogState log_of(const Rows& rows) {
  return {.tenant = tenant_id_of(rows.bytes(0)),
          .head = {.log_id = rows.blob<16>(1),
                   .size = static_cast<std::uint64_t>(rows.integer(2)),
                   .last_ts = rows.instant(3)},
          .vkey = rows.text(4),
          .published_size = static_cast<std::uint64_t>(rows.integer(5))};
}

std::vector<LogState> read_logs(Rows rows) {
  std::vector<LogState> logs;
  while (rows.next()) logs.push_back(log_of(rows));
  return logs;
}

std::int64_t bits_of(const std::vector<EventType>& types) {
  if (types.empty()) return -1;
  std::uint64_t bits = 0;
  for (const EventType type : types) bits |= std::uint64_t{1} << static_cast<unsigned>(type);
  return static_cast<std::int64_t>(bits);
}

std::int64_t clamped(std::uint64_t number) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(number, integer_max));
}

}  // namespace

LedgerTable::LedgerTable(Connection& connection)
    : ascending_(connection, select_leaves("ASC")),
      descending_(connection, select_leaves("DESC")),
      last_(connection, "SELECT max(seq) FROM ledger_leaf WHERE tenant_id = ?1"),
      ts_(connection, "SELECT ts FROM ledger_leaf WHERE tenant_id = ?1 AND seq = ?2"),
      count_(connection, "SELECT count(*) FROM ledger_leaf WHERE tenant_id = ?1"),
      insert_(connection, "INSERT INTO ledger_leaf (tenant_id, seq, ts, type, hash, bytes) VALUES (?,?,?,?,?,?)"),
      checkpoint_(connection, "SELECT log_id, published_size, root, note FROM ledger_checkpoint WHERE tenant_id = ?1"),
      publish_(connection,
               "INSERT INTO ledger_checkpoint (tenant_id, log_id, published_size, root, note) SELECT ?1, ?2, ?3, ?4, "
               "?5 WHERE ?6 = coalesce((SELECT published_size FROM ledger_checkpoint WHERE tenant_id = ?1), 0) "
               "ON CONFLICT DO UPDATE SET log_id = excluded.log_id, published_size = excluded.published_size, "
               "root = excluded.root, note = excluded.note"),
      first_logs_(connection, log_columns + "ORDER BY u.tenant_id LIMIT ?1"),
      logs_after_(connection, log_columns + "WHERE u.tenant_id > ?1 ORDER BY u.tenant_id LIMIT ?2"),
      log_(connection, log_columns + "WHERE u.tenant_id = ?1"),
      unpublished_(connection, log_columns + "WHERE " + is_unpublished + "ORDER BY u.tenant_id LIMIT ?1"),
      unpublished_ids_(
          connection,
          "SELECT u.tenant_id FROM tenant_usage u LEFT JOIN ledger_checkpoint c ON c.tenant_id = u.tenant_id "
          "WHERE " +
              is_unpublished) {}

std::optional<std::uint64_t> LedgerTable::first_since(const TenantId& tenant, std::uint64_t from, std::uint64_t to,
                                                      Instant at) {
  while (from < to) {
    const std::uint64_t middle = from + (to - from) / 2;
    auto rows = ts_(tenant.text(), middle);
    if (!rows.next()) return std::nullopt;
    if (rows.instant(0) < at)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

std::pair<std::uint64_t, std::uint64_t> LedgerTable::range(const TenantId& tenant, const LeafQuery& query) {
  std::uint64_t from = query.from;
  std::uint64_t to = query.to;
  if (!query.since && !query.until) return {from, to};
  {
    auto last = last_(tenant.text());
    if (!last.next() || last.is_null(0)) return {from, to};
    to = std::min(to, static_cast<std::uint64_t>(last.integer(0)) + 1);
  }
  if (query.since) from = first_since(tenant, from, to, *query.since).value_or(from);
  if (query.until) to = first_since(tenant, from, to, *query.until).value_or(to);
  return {from, to};
}

std::vector<Leaf> LedgerTable::leaves(const TenantId& tenant, const LeafQuery& query) {
  const auto [from, to] = range(tenant, query);
  const std::int64_t since = query.since ? ms_since_epoch(*query.since) : integer_min;
  const std::int64_t until = query.until ? ms_since_epoch(*query.until) : integer_max;
  Query& statement = query.order == Order::ascending ? ascending_ : descending_;
  auto rows = statement(tenant.text(), clamped(from), clamped(to), bits_of(query.types), since, until, query.limit);
  std::vector<Leaf> leaves;
  while (rows.next()) {
    leaves.push_back({.seq = static_cast<std::uint64_t>(rows.integer(0)),
                      .ts = rows.instant(1),
                      .type = static_cast<EventType>(rows.integer(2)),
                      .hash = rows.blob<32>(3),
                      .bytes = rows.text(4)});
  }
  return leaves;
}

std::uint64_t LedgerTable::count(const TenantId& tenant) {
  auto rows = count_(tenant.text());
  return rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
}

void LedgerTable::insert(const TenantId& tenant, const Leaf& leaf) {
  insert_.run(tenant.text(), leaf.seq, leaf.ts, leaf.type, leaf.hash, leaf.bytes);
}

std::optional<PublishedCheckpoint> LedgerTable::checkpoint(const TenantId& tenant) {
  auto rows = checkpoint_(tenant.text());
  if (!rows.next()) return std::nullopt;
  return PublishedCheckpoint{.tenant = tenant,
                             .log_id = rows.blob<16>(0),
                             .size = static_cast<std::uint64_t>(rows.integer(1)),
                             .root = rows.blob<32>(2),
                             .note = rows.text(3)};
}

bool LedgerTable::publish(const PublishedCheckpoint& checkpoint, std::uint64_t expected_size) {
  return publish_.run(checkpoint.tenant.text(), checkpoint.log_id, checkpoint.size, checkpoint.root, checkpoint.note,
                      expected_size) > 0;
}

std::vector<LogState> LedgerTable::logs(const std::optional<TenantId>& after, std::size_t limit) {
  return after ? read_logs(logs_after_(after->text(), limit)) : read_logs(first_logs_(limit));
}

std::optional<LogState> LedgerTable::log(const TenantId& tenant) {
  auto rows = log_(tenant.text());
  if (!rows.next()) return std::nullopt;
  return log_of(rows);
}

std::vector<LogState> LedgerTable::unpublished(std::size_t limit) { return read_logs(unpublished_(limit)); }

void LedgerTable::each_unpublished(const std::function<void(const TenantId&)>& visit) {
  auto rows = unpublished_ids_();
  while (rows.next()) visit(tenant_id_of(rows.bytes(0)));
}

}  // namespace cadastre::sqlite

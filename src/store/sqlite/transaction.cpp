#include "store/sqlite/transaction.h"

#include <algorithm>

#include "base/invariant.h"

namespace cadastre::sqlite {
namespace {

/// Rows looked at for each answer recorded: two, so that the table never holds much more than twice what is live.
constexpr std::size_t rows_swept_per_answer = 2;

}  // namespace

Transaction::Transaction(Connection& connection, const DirtyLogs& dirty_logs, std::size_t tenants_cached_max)
    : Asking<Tx>(connection, &dirty_logs),
      connection_(connection),
      cache_(tenants_cached_max),
      begin_(connection, "BEGIN IMMEDIATE"),
      commit_(connection, "COMMIT"),
      savepoint_(connection, "SAVEPOINT body"),
      rollback_to_(connection, "ROLLBACK TO body"),
      release_(connection, "RELEASE body") {}

void Transaction::begin(Bodies bodies) {
  begin_.run();
  bodies_ = bodies;
}

void Transaction::begin_body() {
  if (bodies_ == Bodies::apart) savepoint_.run();
  ++body_;
  body_has_written_ = false;
  changed_before_ = notes_.changed.size();
  logs_before_ = notes_.logs.size();
}

void Transaction::keep_body() {
  if (bodies_ == Bodies::together) return;
  flush();
  release_.run();
}

void Transaction::drop_body() {
  CHECK_INVARIANT(bodies_ == Bodies::apart || !body_has_written_);
  if (bodies_ == Bodies::together) return;
  rollback_to_.run();
  release_.run();
  forget_since(changed_before_, logs_before_);
}

void Transaction::commit() { commit_.run(); }

void Transaction::rollback() {
  if (sqlite3_get_autocommit(connection_.handle()) == 0) {
    sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    CHECK_INVARIANT(sqlite3_get_autocommit(connection_.handle()) != 0);
  }
  forget_since(0, 0);
}

const Tenant& Transaction::changed_tenant(const TenantId& id) {
  const CachedTenant* const found = cache_.find(id);
  CHECK_INVARIANT(found != nullptr);
  return found->row.tenant;
}

void Transaction::finish() {
  notes_.changed.clear();
  notes_.logs.clear();
  cache_.trim();
}

/// What was written to these rows is undone in the database: they are read again when they are next asked for.
void Transaction::forget_since(std::size_t changed, std::size_t logs) {
  std::vector<TenantId> stale;
  for (const CachedTenant* row : touched_) stale.push_back(row->row.tenant.id);
  for (std::size_t i = changed; i < notes_.changed.size(); ++i) stale.push_back(notes_.changed[i]);
  for (std::size_t i = logs; i < notes_.logs.size(); ++i) stale.push_back(notes_.logs[i].tenant);
  touched_.clear();
  for (const TenantId& id : stale) cache_.erase(id);
  notes_.changed.erase(notes_.changed.begin() + static_cast<std::ptrdiff_t>(changed), notes_.changed.end());
  notes_.logs.erase(notes_.logs.begin() + static_cast<std::ptrdiff_t>(logs), notes_.logs.end());
}

void Transaction::flush() {
  for (CachedTenant* row : touched_) {
    if (row->unwritten) tables_.tenants.update_usage(row->row);
    if (row->details_unwritten) tables_.tenants.update_details(row->row.tenant);
    if (row->notify) notes_.changed.push_back(row->row.tenant.id);
    row->touched = row->unwritten = row->details_unwritten = row->notify = row->append_noted = false;
  }
  touched_.clear();
}

CachedTenant* Transaction::find_row(const TenantId& id) {
  if (CachedTenant* const held = cache_.find(id)) return held;
  auto stored = tables_.tenants.find(id);
  return stored ? &cache_.insert(*std::move(stored)) : nullptr;
}

CachedTenant& Transaction::row(const TenantId& id) {
  CachedTenant* const found = find_row(id);
  if (found == nullptr) throw StoreFailure("a change of a namespace that does not exist: " + id.text());
  return *found;
}

void Transaction::touch(CachedTenant& row) {
  body_has_written_ = true;
  row.unwritten = true;
  if (!row.touched) touched_.push_back(&row);
  row.touched = true;
}

void Transaction::raise(CachedTenant& row) {
  touch(row);
  row.notify = true;
  if (row.raised_by == body_) return;
  row.raised_by = body_;
  ++row.row.tenant.revision;
}

std::optional<Tenant> Transaction::tenant(const TenantId& id) {
  const CachedTenant* const found = find_row(id);
  if (found == nullptr) return std::nullopt;
  return found->row.tenant;
}

std::optional<LogHead> Transaction::log_head(const TenantId& tenant) {
  const CachedTenant* const found = find_row(tenant);
  if (found == nullptr) return std::nullopt;
  return found->row.head;
}

std::vector<Tenant> Transaction::tenants(std::string_view after, std::size_t limit) {
  flush();
  return Asking<Tx>::tenants(after, limit);
}

std::vector<LogState> Transaction::logs(const std::optional<TenantId>& after, std::size_t limit) {
  flush();
  return Asking<Tx>::logs(after, limit);
}

std::vector<LogState> Transaction::unpublished_logs(std::size_t limit) {
  flush();
  return tables_.ledger.unpublished(limit);
}

std::optional<IdempotentAnswer> Transaction::idempotent_answer(const TenantId& tenant, const Bytes<32>& key,
                                                               Instant now) {
  latest_now_ = std::max(latest_now_, now);
  return Asking<Tx>::idempotent_answer(tenant, key, now);
}

Recount Transaction::recount(const TenantId& tenant) {
  flush();
  return Asking<Tx>::recount(tenant);
}

void Transaction::insert(const Tenant& tenant) {
  body_has_written_ = true;
  const TenantRow row{.tenant = tenant, .head = {.log_id = tenant.log_id, .size = 0, .last_ts = {}}};
  tables_.tenants.insert(row);
  CachedTenant& held = cache_.insert(row);
  touch(held);
  held.unwritten = false;
  held.notify = true;
  held.raised_by = body_;
}

void Transaction::update(const Tenant& tenant) {
  CachedTenant& held = row(tenant.id);
  held.details_unwritten |= replace_details(held.row.tenant, tenant);
  held.row.tenant.used = tenant.used;
  raise(held);
}

void Transaction::insert(const Vm& vm) {
  raise(row(vm.tenant));
  tables_.vms.insert(vm);
}

void Transaction::update(const Vm& vm) {
  raise(row(vm.tenant));
  if (!tables_.vms.update(vm)) throw StoreFailure("a change of a VM that does not exist: " + vm.id.text());
}

void Transaction::erase(const TenantId& tenant, const VmId& vm) {
  raise(row(tenant));
  if (!tables_.vms.erase(tenant, vm)) throw StoreFailure("the removal of a VM that does not exist: " + vm.text());
}

void Transaction::insert(const IssuedToken& token) {
  body_has_written_ = true;
  tables_.tokens.insert(token);
}

void Transaction::mark_revoked(const TenantId& tenant, const TokenId& token, Instant at, std::string_view by) {
  body_has_written_ = true;
  if (!tables_.tokens.mark_revoked(tenant, token, at, by)) {
    throw StoreFailure("the revocation of a token that does not exist: " + encode_base64url(token));
  }
}

void Transaction::mark_seen(const TenantId& tenant, const TokenId& token, Instant at) {
  body_has_written_ = true;
  if (!tables_.tokens.mark_seen(tenant, token, at))
    throw StoreFailure("the use of a token that does not exist: " + encode_base64url(token));
}

void Transaction::insert(const Revocation& revocation) {
  body_has_written_ = true;
  CachedTenant& held = row(revocation.tenant);
  if (!tables_.revocations.insert(revocation, held.row.tenant.revocations + 1)) return;
  ++held.row.tenant.revocations;
  held.details_unwritten = true;
  raise(held);
}

std::uint64_t Transaction::append(const Event& event, Instant now) {
  latest_now_ = std::max(latest_now_, now);
  CachedTenant& held = row(event.tenant);
  const Leaf leaf = append_leaf(held.row.head, event, now);
  touch(held);
  tables_.ledger.insert(event.tenant, leaf);
  if (!held.append_noted) notes_.logs.push_back({event.tenant, LogNote::Fact::appended});
  held.append_noted = true;
  return leaf.seq;
}

void Transaction::record(const TenantId& tenant, const IdempotentAnswer& answer) {
  body_has_written_ = true;
  tables_.idempotency.insert(tenant, answer, latest_now_);
  tables_.idempotency.sweep(latest_now_, rows_swept_per_answer);
}

bool Transaction::publish(const PublishedCheckpoint& checkpoint, std::uint64_t expected_size) {
  CachedTenant& held = row(checkpoint.tenant);
  if (!tables_.ledger.publish(checkpoint, expected_size)) return false;
  body_has_written_ = true;
  const bool whole = checkpoint.size >= held.row.head.size;
  notes_.logs.push_back({checkpoint.tenant, whole ? LogNote::Fact::published_whole : LogNote::Fact::published_in_part});
  held.append_noted = false;
  return true;
}

void Transaction::set_setting(std::string_view name, std::string_view value) {
  body_has_written_ = true;
  tables_.settings.set(name, value);
}

}  // namespace cadastre::sqlite

#include "store/postgresql/transaction.h"

#include <algorithm>
#include <utility>

#include "store/postgresql/questions.h"

namespace cadastre::postgresql {
namespace {

Namespace stored(NamespaceRow row) {
  Namespace one{std::move(row)};
  one.is_marked = one.head.size > one.published_size;
  return one;
}

Namespace missing(const TenantId& id) {
  Namespace one{{{.tenant = {.id = id}, .head = {}}, 0}};
  one.exists = one.is_stored = false;
  return one;
}

}  // namespace

void Transaction::begin(Bodies bodies, std::span<const TenantId> tenants) {
  buffer_.clear();
  bodies_ = bodies;
  has_savepoint_ = has_written_ = context_.owes_lease = false;
  id_ = 0;
  connection_ = nullptr;
  connection_ = &session_.connection();
  Columns ids;
  for (const TenantId& tenant : tenants) ids.add(tenant.text());
  Pipeline pipeline(connection());
  pipeline.send(Sql::begin);
  if (ids.rows() > 0) {
    pipeline.send_rows(Sql::lock_tenants, ids);
    pipeline.send_rows(Sql::tenant_details, ids);
  }
  auto results = pipeline.finish();
  for (const TenantId& tenant : tenants) buffer_.namespaces.learn(tenant, missing(tenant));
  if (ids.rows() == 0) return;
  auto& known = buffer_.namespaces.group();
  for (Rows& rows = results[1]; rows.next();) {
    Namespace& one = known.at(tenant_id_of(rows.bytes(0)));
    read_usage(rows, one);
    one.exists = one.is_stored = one.is_locked = true;
    one.is_marked = one.head.size > one.published_size;
  }
  for (Rows& rows = results[2]; rows.next();) {
    Namespace& one = known.at(tenant_id_of(rows.bytes(0)));
    read_details(rows, 0, one);
  }
}

void Transaction::begin_body() {
  locked_by_body_.clear();
  if (bodies_ == Bodies::together) return;
  connection().run(Sql::savepoint);
  has_savepoint_ = true;
}

void Transaction::keep_body() {
  if (bodies_ == Bodies::apart) {
    has_written_ |= send(connection(), buffer_, Layer::body, context_);
    keep_lease();
  }
  if (has_savepoint_) connection().run(Sql::release_savepoint);
  has_savepoint_ = false;
  buffer_.keep_body();
}

void Transaction::drop_body() {
  buffer_.drop_body();
  if (!has_savepoint_) return;
  connection().run(Sql::rollback_to_savepoint);
  connection().run(Sql::release_savepoint);
  has_savepoint_ = false;
  for (const TenantId& tenant : locked_by_body_) buffer_.forget(tenant);  // its lock is gone
}

Connection& Transaction::up_to_date() {
  has_written_ |= send(connection(), buffer_, Layer::group, context_);
  if (buffer_.body_is_empty()) return connection();
  if (!has_savepoint_) connection().run(Sql::savepoint);
  has_savepoint_ = true;
  has_written_ |= send(connection(), buffer_, Layer::body, context_);
  return connection();
}

void Transaction::write() {
  has_written_ |= send(connection(), buffer_, Layer::group, context_);
  if (!has_written_) return;
  Pipeline pipeline(connection());
  pipeline.send(Sql::mark_commit, mark_, ++number_);
  pipeline.send(Sql::transaction_id);
  auto results = pipeline.finish();
  results[1].next();
  id_ = results[1].integer(0);
  keep_lease();
}

/// Who has sent checkpoints may do so only while this process publishes. Asked once all has arrived, by a statement
/// that fits into one packet: who stands still while it sends keeps nobody from taking the lease over.
void Transaction::keep_lease() {
  if (!std::exchange(context_.owes_lease, false)) return;
  const Rows kept = connection().run(Sql::keep_lease, context_.fence.load(), lease_time.count());
  if (kept.changed() != 1) throw Failure(Trouble::statement, lease_lost);
}

bool Transaction::is_marked(const CommitLost& lost) {
  return session_.connection().run(Sql::find_commit, mark_, lost.number).next();
}

void Transaction::commit() {
  try {
    connection().run(Sql::commit);
  } catch (const Failure& failure) {
    if (!has_written_ || failure.trouble() != Trouble::connection) throw;
    connection_ = nullptr;
    session_.drop();
    throw CommitLost(id_, number_, failure.what());
  }
}

void Transaction::abandon() {
  buffer_.clear();
  if (connection_ == nullptr) return;
  try {
    if (connection().is_open()) connection().run(Sql::rollback);
  } catch (const Failure&) {
    session_.drop();
  }
  connection_ = nullptr;
}

std::vector<Tenant> Transaction::changed() {
  std::vector<Tenant> tenants;
  for (auto& [id, one] : buffer_.namespaces.group()) {
    if (one.is_changed) tenants.push_back(std::move(one.tenant));
  }
  return tenants;
}

const Namespace& Transaction::look_up(const TenantId& id) {
  if (const Namespace* const known = buffer_.namespaces.find(id)) return *known;
  auto row = find_namespace(connection(), id);
  return buffer_.namespaces.learn(id, row ? stored(*std::move(row)) : missing(id));
}

const Entry<Vm>& Transaction::look_up(const Buffer::Key16& key) {
  if (const Entry<Vm>* const known = buffer_.vms.find(key)) return *known;
  Entry<Vm> entry{.row = find_vm(connection(), key.first, VmId::of(key.second))};
  entry.is_stored = entry.row.has_value();
  return buffer_.vms.learn(key, std::move(entry));
}

/// Never waits: who waits for a lock out of turn may be waited for. What the bodies saw of the row must still hold.
void Transaction::lock_now(const TenantId& id, const Namespace& seen) {
  auto rows = connection().run(Sql::lock_free_tenant, id.text());
  if (!rows.next()) throw LockNeeded(id);
  Namespace now = seen;
  read_usage(rows, now);
  const bool is_same = now.tenant.revision == seen.tenant.revision && now.head.size == seen.head.size &&
                       now.published_size == seen.published_size;
  if (!is_same) throw LockNeeded(id);
  buffer_.namespaces.group().at(id).is_locked = true;
  locked_by_body_.push_back(id);
}

const Namespace& Transaction::hold(const TenantId& id) {
  const Namespace& seen = look_up(id);
  if (seen.exists && !seen.is_locked) lock_now(id, seen);
  return seen;
}

void Transaction::require(const TenantId& id) {
  if (!hold(id).exists) throw StoreFailure("a change of a namespace that does not exist: " + id.text());
}

Namespace& Transaction::edit(const TenantId& id) {
  require(id);
  return buffer_.namespaces.edit(id);
}

void Transaction::raise(const TenantId& id) {
  Namespace& one = edit(id);
  one.usage_unwritten = one.is_changed = true;
  if (!one.is_raised) ++one.tenant.revision;
  one.is_raised = true;
}

void Transaction::insert(const Tenant& tenant) {
  const Namespace* const known = buffer_.namespaces.find(tenant.id);
  if (known != nullptr && known->exists) throw StoreFailure("a second namespace of the same id: " + tenant.id.text());
  Namespace one{{{.tenant = tenant, .head = {.log_id = tenant.log_id, .size = 0, .last_ts = {}}}, 0}};
  one.is_stored = false;
  one.is_locked = one.is_raised = one.is_changed = true;
  buffer_.namespaces.put(tenant.id, std::move(one));
}

void Transaction::update(const Tenant& tenant) {
  Namespace& one = edit(tenant.id);
  one.details_unwritten |= replace_details(one.tenant, tenant);
  one.tenant.used = tenant.used;
  raise(tenant.id);
}

void Transaction::write(const Vm& vm) {
  const Buffer::Key16 key{vm.tenant, vm.id.bytes()};
  const Entry<Vm>* const known = buffer_.vms.find(key);
  buffer_.vms.put(key, {.row = vm, .is_stored = known != nullptr && known->is_stored, .is_unwritten = true});
}

void Transaction::insert(const Vm& vm) {
  raise(vm.tenant);
  const Entry<Vm>* const known = buffer_.vms.find({vm.tenant, vm.id.bytes()});
  if (known != nullptr && known->row) throw StoreFailure("a second VM of the same id: " + vm.id.text());
  write(vm);
}

void Transaction::update(const Vm& vm) {
  raise(vm.tenant);
  if (!look_up(Buffer::Key16{vm.tenant, vm.id.bytes()}).row)
    throw StoreFailure("a change of a VM that does not exist: " + vm.id.text());
  write(vm);
}

void Transaction::erase(const TenantId& tenant, const VmId& vm) {
  raise(tenant);
  const Buffer::Key16 key{tenant, vm.bytes()};
  const Entry<Vm>& known = look_up(key);
  if (!known.row) throw StoreFailure("the removal of a VM that does not exist: " + vm.text());
  buffer_.vms.put(key, {.row = std::nullopt, .is_stored = known.is_stored, .is_unwritten = true});
}

void Transaction::insert(const IssuedToken& token) {
  const Buffer::Key16 key{token.tenant, token.id};
  const Entry<IssuedToken>* const known = buffer_.tokens.find(key);
  if (known != nullptr && known->row)
    throw StoreFailure("a second token of the same id: " + encode_base64url(token.id));
  buffer_.tokens.put(key, {.row = token, .is_stored = false, .is_unwritten = true});
}

void Transaction::mark_revoked(const TenantId& tenant, const TokenId& id, Instant at, std::string_view by) {
  if (!token(tenant, id)) throw StoreFailure("the revocation of a token that does not exist: " + encode_base64url(id));
  Entry<IssuedToken>& entry = buffer_.tokens.edit({tenant, id});
  entry.row->revoked_at = at;
  entry.row->revoked_by = by;
  entry.is_unwritten = true;
}

void Transaction::mark_seen(const TenantId& tenant, const TokenId& id, Instant at) {
  if (!token(tenant, id)) throw StoreFailure("the use of a token that does not exist: " + encode_base64url(id));
  Entry<IssuedToken>& entry = buffer_.tokens.edit({tenant, id});
  if (!entry.row->first_seen) entry.row->first_seen = at;
  entry.row->last_seen = std::max(entry.row->last_seen.value_or(at), at);
  entry.is_unwritten = true;
}

void Transaction::insert(const Revocation& revocation) {
  Namespace& one = edit(revocation.tenant);
  if (is_revoked(revocation.tenant, revocation.kind, revocation.id)) return;
  Revocation numbered = revocation;
  numbered.seq = ++one.tenant.revocations;
  buffer_.revocations.put({revocation.tenant, revocation.kind, revocation.id},
                          {.row = std::move(numbered), .is_stored = false, .is_unwritten = true});
  one.details_unwritten = true;
  raise(revocation.tenant);
}

std::uint64_t Transaction::append(const Event& event, Instant now) {
  context_.latest_now = std::max(context_.latest_now, now);
  Namespace& one = edit(event.tenant);
  one.usage_unwritten = true;
  buffer_.leaves_of_body.emplace_back(event.tenant, append_leaf(one.head, event, now));
  return one.head.size - 1;
}

void Transaction::record(const TenantId& tenant, const IdempotentAnswer& answer) {
  buffer_.answers.put({tenant, answer.key}, {.row = answer, .is_stored = false, .is_unwritten = true});
}

bool Transaction::publish(const PublishedCheckpoint& checkpoint, std::uint64_t expected_size) {
  Namespace& one = edit(checkpoint.tenant);
  if (one.published_size != expected_size) return false;
  one.published_size = checkpoint.size;
  one.usage_unwritten = one.was_published = true;
  buffer_.checkpoints.put(checkpoint.tenant, {.row = checkpoint, .is_stored = false, .is_unwritten = true});
  return true;
}

void Transaction::set_setting(std::string_view name, std::string_view value) {
  buffer_.settings.put(std::string(name), {.row = std::string(value), .is_stored = false, .is_unwritten = true});
}

}  // namespace cadastre::postgresql

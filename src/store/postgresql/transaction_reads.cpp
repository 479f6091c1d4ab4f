// The questions of a transaction: from what it knows where that suffices, else from the database.
#include <algorithm>

#include "store/postgresql/questions.h"
#include "store/postgresql/transaction.h"

namespace cadastre::postgresql {
namespace {

template <class Row>
Entry<Row> entry_of(std::optional<Row> row) {
  const bool is_stored = row.has_value();
  return {.row = std::move(row), .is_stored = is_stored};
}

}  // namespace

std::optional<Tenant> Transaction::tenant(const TenantId& id) {
  const Namespace& one = look_up(id);
  return one.exists ? std::optional(one.tenant) : std::nullopt;
}

std::optional<LogHead> Transaction::log_head(const TenantId& id) {
  const Namespace& one = look_up(id);
  return one.exists ? std::optional(one.head) : std::nullopt;
}

std::optional<Vm> Transaction::vm(const TenantId& tenant, const VmId& id) {
  return look_up(Buffer::Key16{tenant, id.bytes()}).row;
}

std::optional<IssuedToken> Transaction::token(const TenantId& tenant, const TokenId& id) {
  const Buffer::Key16 key{tenant, id};
  if (const auto* const known = buffer_.tokens.find(key)) return known->row;
  return buffer_.tokens.learn(key, entry_of(find_token(connection(), tenant, id))).row;
}

std::optional<IssuedToken> Transaction::token_by_rid(const TenantId& tenant, const RevocationId& rid) {
  for (const auto* const layer : {&buffer_.tokens.body(), &buffer_.tokens.group()}) {
    for (const auto& [key, entry] : *layer) {
      if (key.first == tenant && entry.row && entry.row->rid == rid) return entry.row;
    }
  }
  auto found = find_token_by_rid(connection(), tenant, rid);
  if (!found) return std::nullopt;
  const Buffer::Key16 key{tenant, found->id};
  return buffer_.tokens.learn(key, entry_of(std::move(found))).row;
}

bool Transaction::is_revoked(const TenantId& tenant, RevocationKind kind, const Bytes<32>& id) {
  const Buffer::RevocationKey key{tenant, kind, id};
  if (const auto* const known = buffer_.revocations.find(key)) return known->row.has_value();
  std::optional<Revocation> found;
  if (postgresql::is_revoked(connection(), tenant, kind, id))
    found = Revocation{.tenant = tenant, .kind = kind, .id = id};
  return buffer_.revocations.learn(key, entry_of(std::move(found))).row.has_value();
}

std::vector<Bytes<32>> Transaction::revoked_after(const TenantId& tenant, std::int64_t known, std::size_t limit) {
  return postgresql::revoked_after(up_to_date(), tenant, known, limit);
}

std::optional<PublishedCheckpoint> Transaction::checkpoint(const TenantId& tenant) {
  if (const auto* const known = buffer_.checkpoints.find(tenant)) return known->row;
  return buffer_.checkpoints.learn(tenant, entry_of(find_checkpoint(connection(), tenant))).row;
}

std::optional<IdempotentAnswer> Transaction::idempotent_answer(const TenantId& tenant, const Bytes<32>& key,
                                                               Instant now) {
  context_.latest_now = std::max(context_.latest_now, now);
  const Buffer::Key32 place{tenant, key};
  const auto* known = buffer_.answers.find(place);
  if (known == nullptr) known = &buffer_.answers.learn(place, entry_of(find_answer(connection(), tenant, key)));
  return known->row && known->row->expires_at > now ? known->row : std::nullopt;
}

std::optional<std::string> Transaction::setting(std::string_view name) {
  const std::string key(name);
  if (const auto* const known = buffer_.settings.find(key)) return known->row;
  return buffer_.settings.learn(key, entry_of(find_setting(connection(), name))).row;
}

std::vector<Tenant> Transaction::tenants(std::string_view after, std::size_t limit) {
  return tenants_after(up_to_date(), after, limit);
}

std::vector<Vm> Transaction::vms(const TenantId& tenant, const VmQuery& query) {
  return find_vms(up_to_date(), tenant, query);
}

std::int64_t Transaction::count_vms(const TenantId& tenant, VmState state) {
  return postgresql::count_vms(up_to_date(), tenant, state);
}

std::vector<IssuedToken> Transaction::tokens(const TenantId& tenant, const TokenQuery& query) {
  return find_tokens(up_to_date(), tenant, query);
}

std::vector<Leaf> Transaction::leaves(const TenantId& tenant, const LeafQuery& query) {
  return find_leaves(up_to_date(), tenant, query);
}

std::vector<LogState> Transaction::logs(const std::optional<TenantId>& after, std::size_t limit) {
  return find_logs(up_to_date(), after, limit);
}

std::vector<LogState> Transaction::unpublished_logs(std::size_t limit) {
  return postgresql::unpublished_logs(up_to_date(), limit);
}

Recount Transaction::recount(const TenantId& tenant) { return postgresql::recount(up_to_date(), tenant); }

}  // namespace cadastre::postgresql

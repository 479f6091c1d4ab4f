#include "service/ledger.h"

#include <algorithm>

#include "ledger/event.h"
#include "ledger/tile.h"
#include "ledger/tlog_proof.h"

namespace cadastre {
namespace {

constexpr std::size_t looked_at_max = 50'000;
constexpr std::size_t batch_max = 1000;

bool has_member(const ledger::LeafRecord& leaf, std::string_view name, const std::string& wanted) {
  const json::Value* const value = leaf.data.find(name);
  return value != nullptr && value->kind == json::Kind::string && value->text == wanted;
}

bool matches(const EntryFilter& filter, const Leaf& leaf) {
  const auto record = ledger::decode_leaf(leaf.bytes);
  if (!record) throw StoreFailure("a stored ledger entry cannot be read; run service-fs verify");
  if (!filter.node_id.empty() && !has_member(*record, "node_id", filter.node_id)) return false;
  if (!filter.vm_id.empty() && !has_member(*record, "vm_id", filter.vm_id)) return false;
  if (!filter.token_id.empty() && record->actor.token_id != filter.token_id &&
      !has_member(*record, "token_id", filter.token_id)) {
    return false;
  }
  if (!filter.actor.empty() && record->actor.token_id != filter.actor && record->actor.subject_key != filter.actor &&
      record->actor.kind != filter.actor) {
    return false;
  }
  return filter.request_id.empty() || record->request_id == filter.request_id;
}

/// Moves the query past `seq`, in its order.
void go_past(LeafQuery& query, std::uint64_t seq) {
  if (query.order == Order::ascending)
    query.from = seq + 1;
  else
    query.to = seq;
}

}  // namespace

bool EntryFilter::looks_inside() const {
  return !node_id.empty() || !vm_id.empty() || !token_id.empty() || !actor.empty() || !request_id.empty();
}

EntryPage entries(Reader& reader, const TenantId& tenant, const EntryFilter& filter) {
  EntryPage page;
  LeafQuery query = filter.leaves;
  const std::size_t wanted = filter.leaves.limit;
  for (std::size_t looked_at = 0; looked_at < looked_at_max;) {
    query.limit = filter.looks_inside() ? batch_max : wanted + 1;
    auto batch = reader.leaves(tenant, query);
    looked_at += batch.size();
    for (Leaf& leaf : batch) {
      if (page.entries.size() == wanted) return page;
      page.next = query.order == Order::ascending ? leaf.seq + 1 : leaf.seq;
      if (!filter.looks_inside() || matches(filter, leaf)) page.entries.push_back(std::move(leaf));
    }
    if (batch.size() < query.limit) {
      page.next.reset();
      return page;
    }
    go_past(query, query.order == Order::ascending ? *page.next - 1 : *page.next);
  }
  return page;
}

Result<PublishedCheckpoint> checkpoint(Reader& reader, const TenantId& tenant) {
  auto found = reader.checkpoint(tenant);
  if (found && found->size > 0) return *std::move(found);
  return refuse(Code::not_found, "checkpoint",
                "No checkpoint of this ledger has been published yet: repeat in a second.");
}

Result<std::string> inclusion_proof(Reader& reader, TileStore& tiles, const TenantId& tenant, std::uint64_t seq) {
  const auto latest = TRY(checkpoint(reader, tenant));
  if (seq >= latest.size)
    return refuse(Code::not_found, "entry", "There is no such entry under the latest checkpoint.");
  const auto leaf =
      reader.leaves(tenant, {.from = seq, .to = seq + 1, .types = {}, .since = {}, .until = {}, .limit = 1});
  ledger::TileTree tree(latest.size, [&](const std::string& path) { return tiles.read(tenant, latest.log_id, path); });
  auto hashes = ledger::inclusion_proof(seq, latest.size, tree.reader());
  if (leaf.empty() || !hashes) throw StoreFailure("the published ledger is damaged; run service-fs verify");
  return ledger::encode_proof(
      {.extra = leaf.front().bytes, .index = seq, .hashes = *std::move(hashes), .checkpoint = latest.note});
}

std::optional<std::string> published_tile(Reader& reader, TileStore& tiles, const TenantId& tenant,
                                          std::string_view path) {
  const auto head = reader.log_head(tenant);
  if (!head || !ledger::parse_tile_path(path)) return std::nullopt;
  return tiles.read(tenant, head->log_id, path);
}

bool ReadRecorder::is_first(std::string_view token_id, const TenantId& tenant, Instant now) {
  const std::int64_t minute = s_since_epoch(now) / 60;
  const std::scoped_lock lock(mutex_);
  const std::string key = std::string(token_id) + '/' + tenant.text();
  const std::int64_t* const known = minutes_.find(key);
  if (known != nullptr && *known == minute) return false;
  minutes_.put(key, minute);
  return true;
}

}  // namespace cadastre

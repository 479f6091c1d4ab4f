#include "service/seen_tokens.h"

#include <map>
#include <memory>

#include "base/log.h"
#include "service/devices.h"
#include "service/events.h"

namespace cadastre {
namespace {

/// The token at the root of the caller's chain, in the namespace whose register has it.
void mark_root(Tx& tx, const Caller& caller, Instant at) {
  const auto root = tx.token_by_rid(caller.home, caller.rids[caller.elements - 1]);
  if (root) tx.mark_seen(caller.home, root->id, at);
}

void see_link(Tx& tx, SeenLink link, const std::string& request_id, Instant at) {
  if (auto kept = tx.link(link.tenant, link.rid)) {
    kept->last_seen = std::max(kept->last_seen, at);
    return tx.put(*kept);
  }
  link.first_seen = link.last_seen = at;
  tx.put(link);
  tx.append(link_seen(link, request_id), at);
}

/// A session knows of the links it was opened with only their rids, and opening it has kept them.
void mark_links_of_session(Tx& tx, const Caller& caller, Instant at) {
  for (std::size_t i = 0; caller.session && i + 1 < caller.elements; ++i) {
    if (auto kept = tx.link(caller.tenant, caller.rids[i])) see_link(tx, *std::move(kept), caller.request_id, at);
  }
}

bool is_live(Reader& reader, const TenantId& tenant) {
  const auto row = reader.tenant(tenant);
  return row && row->state != TenantState::deleted;
}

}  // namespace

void see_links(Tx& tx, const Caller& caller, Instant now) {
  for (const SeenLink& link : caller.links) see_link(tx, link, caller.request_id, now);
}

void SeenTokens::note(const Caller& caller, Instant now) {
  const RevocationId& rid = caller.rids.front();
  const std::scoped_lock lock(mutex_);
  const Instant* const told = told_.find(rid);
  if (told != nullptr && now < *told + told_every) return;
  if (waiting_.size() >= waiting_max) return;
  told_.put(rid, now);
  waiting_.push_back({caller, now});
}

void SeenTokens::tell(Store& store) {
  std::vector<Use> uses;
  {
    const std::scoped_lock lock(mutex_);
    uses.swap(waiting_);
  }
  std::map<TenantId, std::vector<Use>> by_tenant;
  for (Use& use : uses) {
    auto& own = by_tenant[use.caller.tenant];
    own.push_back(std::move(use));
    if (own.size() >= change_max) submit(store, own.front().caller.tenant, std::exchange(own, {}));
  }
  for (auto& [tenant, own] : by_tenant) {
    if (!own.empty()) submit(store, tenant, std::move(own));
  }
}

void SeenTokens::submit(Store& store, const TenantId& tenant, std::vector<Use> uses) {
  const auto shared = std::make_shared<const std::vector<Use>>(std::move(uses));
  Change change{.tenant = tenant,
                .body =
                    [tenant, shared](Tx& tx) {
                      if (!is_live(tx, tenant)) return Verdict::drop;
                      for (const Use& use : *shared) {
                        see_links(tx, use.caller, use.at);
                        mark_links_of_session(tx, use.caller, use.at);
                        mark_root(tx, use.caller, use.at);
                        end_renewed_token(tx, use.caller, use.at);
                      }
                      return Verdict::commit;
                    },
                .done =
                    [this, shared](const std::exception_ptr& failure) {
                      if (failure) forget(*shared);
                    }};
  for (const Use& use : *shared) {
    if (use.caller.home != tenant) change.further = {use.caller.home};
  }
  try {
    if (store.submit(std::move(change))) return;
  } catch (const StoreFailure& failure) {
    log::write(log::Level::debug, "uses of tokens could not be told",
               {{"tenant_id", tenant.text()}, {"reason", failure.what()}});
  }
  forget(*shared);
}

void SeenTokens::forget(const std::vector<Use>& uses) {
  const std::scoped_lock lock(mutex_);
  for (const Use& use : uses) told_.erase(use.caller.rids.front());
}

}  // namespace cadastre

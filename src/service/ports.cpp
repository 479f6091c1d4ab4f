#include "service/ports.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <memory>

namespace cadastre {

std::vector<Bytes<32>> Reader::revoked_among(const TenantId& tenant, RevocationKind kind,
                                             std::span<const Bytes<32>> ids) {
  std::vector<Bytes<32>> revoked;
  std::ranges::copy_if(ids, std::back_inserter(revoked),
                       [&](const Bytes<32>& id) { return is_revoked(tenant, kind, id); });
  return revoked;
}

std::vector<TenantWithHead> Reader::tenants_with_heads(std::span<const TenantId> ids) {
  std::vector<TenantWithHead> found;
  for (const TenantId& id : ids) {
    auto row = tenant(id);
    const auto head = log_head(id);
    if (row && head) found.push_back({*std::move(row), *head});
  }
  return found;
}

}  // namespace cadastre

namespace cadastre::detail {

void run_and_wait(Store& store, const TenantId& tenant, std::function<Verdict(Tx&)> body,
                  std::vector<TenantId> further) {
  // Shared: the store's thread may still be inside set_value when the waiting one has returned.
  const auto finished = std::make_shared<std::promise<std::exception_ptr>>();
  auto answer = finished->get_future();
  const bool queued =
      store.submit({.tenant = tenant,
                    .body = std::move(body),
                    .done = [finished](std::exception_ptr failure) { finished->set_value(std::move(failure)); },
                    .further = std::move(further)});
  if (!queued) throw StoreFailure("the store takes no changes now: it is stopping, or too many wait for this tenant");
  // Taken out of what is shared: this thread alone reads and destroys it.
  if (auto failure = answer.get()) std::rethrow_exception(std::move(failure));
}

}  // namespace cadastre::detail

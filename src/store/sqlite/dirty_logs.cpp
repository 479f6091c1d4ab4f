#include "store/sqlite/dirty_logs.h"

namespace cadastre::sqlite {

void DirtyLogs::apply(std::span<const LogNote> notes) {
  if (notes.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const LogNote& note : notes) {
    if (note.fact != LogNote::Fact::appended) remove(note.tenant);
    if (note.fact != LogNote::Fact::published_whole) add(note.tenant);
  }
}

std::vector<TenantId> DirtyLogs::oldest(std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<TenantId> tenants;
  for (auto it = by_age_.begin(); it != by_age_.end() && tenants.size() < limit; ++it) tenants.push_back(it->second);
  return tenants;
}

void DirtyLogs::add(const TenantId& tenant) {
  if (!ages_.try_emplace(tenant.text(), next_).second) return;
  by_age_.emplace(next_++, tenant);
}

void DirtyLogs::remove(const TenantId& tenant) {
  const auto found = ages_.find(tenant.text());
  if (found == ages_.end()) return;
  by_age_.erase(found->second);
  ages_.erase(found);
}

}  // namespace cadastre::sqlite

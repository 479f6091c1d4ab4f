#include "store/sqlite/tenant_cache.h"

namespace cadastre::sqlite {

CachedTenant* TenantCache::find(const TenantId& id) {
  const auto place = places_.find(id.text());
  if (place == places_.end()) return nullptr;
  rows_.splice(rows_.begin(), rows_, place->second);
  return &rows_.front();
}

CachedTenant& TenantCache::insert(TenantRow row) {
  rows_.push_front({.row = std::move(row)});
  places_.insert_or_assign(rows_.front().row.tenant.id.text(), rows_.begin());
  return rows_.front();
}

void TenantCache::erase(const TenantId& id) {
  const auto place = places_.find(id.text());
  if (place == places_.end()) return;
  rows_.erase(place->second);
  places_.erase(place);
}

void TenantCache::trim() {
  for (; rows_.size() > rows_max_; rows_.pop_back()) places_.erase(rows_.back().row.tenant.id.text());
}

}  // namespace cadastre::sqlite

// The tenant rows that the one writer touched last, so that a change of a known tenant asks the database nothing.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

#include "store/sqlite/tenants.h"

namespace cadastre::sqlite {

/// A namespace as the writer has it now: equal to the database's unless `unwritten`.
struct CachedTenant {
  TenantRow row;
  bool touched = false;            ///< On the transaction's list of rows to look at when it flushes.
  bool unwritten = false;          ///< Counters, revision or head are newer than the database's.
  bool details_unwritten = false;  ///< And the rest is.
  bool notify = false;             ///< The listener is to be told.
  bool append_noted = false;       ///< That its log grew is noted already.
  std::uint64_t raised_by = 0;     ///< The number of the body that raised the revision last.
};

/// Keeps the `rows_max` rows used last. Entries stay where they are until erased or trimmed.
class TenantCache {
 public:
  explicit TenantCache(std::size_t rows_max) : rows_max_(rows_max) {}
  CachedTenant* find(const TenantId& id);
  CachedTenant& insert(TenantRow row);
  void erase(const TenantId& id);
  /// Forgets the rows used longest ago beyond `rows_max`. Requires that none is touched.
  void trim();

 private:
  std::size_t rows_max_;
  std::list<CachedTenant> rows_;  // the one used last comes first
  std::unordered_map<std::string, std::list<CachedTenant>::iterator> places_;
};

}  // namespace cadastre::sqlite

// The tables `idempotency` and `setting`.
#pragma once

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class IdempotencyTable {
 public:
  explicit IdempotencyTable(Connection& connection);
  /// The answer, unless it has expired at `now`.
  std::optional<IdempotentAnswer> find(const TenantId& tenant, const Bytes<32>& key, Instant now);
  /// Takes the place of an expired answer. Throws SqliteFailure when there is one that has not expired at `now`.
  void insert(const TenantId& tenant, const IdempotentAnswer& answer, Instant now);
  /// Looks at the next `count` rows after the last ones it looked at, round and round, and removes those expired.
  void sweep(Instant now, std::size_t count);

 private:
  Query find_, insert_, erase_, next_;
  std::string swept_tenant_;
  std::string swept_key_;
};

class SettingTable {
 public:
  explicit SettingTable(Connection& connection);
  std::optional<std::string> find(std::string_view name);
  void set(std::string_view name, std::string_view value);

 private:
  Query find_, set_;
};

}  // namespace cadastre::sqlite

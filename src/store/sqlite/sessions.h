// The table `session`.
#pragma once

#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class SessionTable {
 public:
  explicit SessionTable(Connection& connection);
  std::optional<Session> find(const TenantId& tenant, const SessionId& id);
  std::vector<Session> page(const TenantId& tenant, const SessionQuery& query);
  /// Of all tenants: see Reader.
  std::vector<Session> ended(Instant now, std::size_t limit);
  std::vector<Session> all(const SessionWalk& walk);
  void put(const Session& session);
  /// False when there is no such row.
  bool erase(const TenantId& tenant, const SessionId& id);

 private:
  Query find_, page_, ended_, all_, put_, erase_;
};

}  // namespace cadastre::sqlite

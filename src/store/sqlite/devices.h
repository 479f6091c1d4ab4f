// The tables `device` and `challenge`.
#pragma once

#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class DeviceTable {
 public:
  explicit DeviceTable(Connection& connection);
  std::optional<Device> find(const TenantId& tenant, std::string_view id);
  std::vector<Device> page(const TenantId& tenant, const DeviceQuery& query);
  void put(const Device& device);
  /// False when there is no such row.
  bool erase(const TenantId& tenant, std::string_view id);

 private:
  Query find_, page_, put_, erase_;
};

class ChallengeTable {
 public:
  explicit ChallengeTable(Connection& connection);
  std::optional<Challenge> find(const TenantId& tenant, const Bytes<32>& id);
  void put(const Challenge& challenge);
  /// False when there is no such row.
  bool erase(const TenantId& tenant, const Bytes<32>& id);
  /// Removes those of the tenant that have expired.
  void sweep(const TenantId& tenant, Instant now);

 private:
  Query find_, put_, erase_, sweep_;
};

}  // namespace cadastre::sqlite

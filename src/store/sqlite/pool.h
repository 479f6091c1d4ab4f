// The tables `pool_reservation` and `pool_news`.
#pragma once

#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class PoolReservationTable {
 public:
  explicit PoolReservationTable(Connection& connection);
  std::optional<PoolReservation> find(const TenantId& pool, const VmId& vm);
  std::vector<PoolReservation> of_node(const TenantId& pool, std::string_view node_id);
  std::vector<PoolReservation> all(const PoolWalk& walk);
  void put(const PoolReservation& reservation);
  void erase(const TenantId& pool, const VmId& vm);

 private:
  Query find_, of_node_, all_, put_, erase_;
};

class PoolNewsTable {
 public:
  explicit PoolNewsTable(Connection& connection);
  std::vector<PoolNews> all(std::size_t limit);
  void put(const PoolNews& news);
  void erase(const PoolNews& news);

 private:
  Query all_, put_, erase_;
};

}  // namespace cadastre::sqlite

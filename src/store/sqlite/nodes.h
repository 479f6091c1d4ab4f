// The table `node`.
#pragma once

#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class NodeTable {
 public:
  explicit NodeTable(Connection& connection);
  std::optional<Node> find(const TenantId& tenant, std::string_view id);
  std::vector<Node> page(const TenantId& tenant, const NodeQuery& query);
  void put(const Node& node);
  /// False when there is no such row.
  bool erase(const TenantId& tenant, std::string_view id);

 private:
  Query find_, page_, put_, erase_;
};

}  // namespace cadastre::sqlite

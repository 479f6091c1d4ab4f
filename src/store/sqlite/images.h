// The table `image`.
#pragma once

#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class ImageTable {
 public:
  explicit ImageTable(Connection& connection);
  std::optional<Image> find(const TenantId& tenant, std::string_view name);
  std::vector<Image> page(const TenantId& tenant, const NameQuery& query);
  void put(const Image& image);
  /// False when there is no such row.
  bool erase(const TenantId& tenant, std::string_view name);

 private:
  Query find_, page_, put_, erase_;
};

}  // namespace cadastre::sqlite

// The table `signing_key`.
#pragma once

#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class SigningKeyTable {
 public:
  explicit SigningKeyTable(Connection& connection);
  std::vector<SigningKey> all();
  void put(const SigningKey& key);

 private:
  Query all_, put_;
};

}  // namespace cadastre::sqlite

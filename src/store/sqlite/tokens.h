// The tables `token` and `revocation`.
#pragma once

#include <functional>
#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class TokenTable {
 public:
  explicit TokenTable(Connection& connection);
  std::optional<IssuedToken> find(const TenantId& tenant, const TokenId& id);
  std::optional<IssuedToken> find_by_rid(const TenantId& tenant, const RevocationId& rid);
  std::vector<IssuedToken> page(const TenantId& tenant, const TokenQuery& query);
  void insert(const IssuedToken& token);
  /// False when there is no such row.
  bool mark_revoked(const TenantId& tenant, const TokenId& id, Instant at, std::string_view by);
  bool mark_seen(const TenantId& tenant, const TokenId& id, Instant at);

 private:
  Query find_, find_by_rid_, page_, insert_, mark_revoked_, mark_seen_;
};

class RevocationTable {
 public:
  explicit RevocationTable(Connection& connection);
  bool contains(const TenantId& tenant, RevocationKind kind, const Bytes<32>& id);
  /// Ids by `seq`, from the one above `known` on.
  std::vector<Bytes<32>> after(const TenantId& tenant, std::int64_t known, std::size_t limit);
  /// False when it was recorded before.
  bool insert(const Revocation& revocation, std::int64_t seq);

 private:
  Query contains_, after_, insert_;
};

}  // namespace cadastre::sqlite

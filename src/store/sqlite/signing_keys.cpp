#include "store/sqlite/signing_keys.h"

namespace cadastre::sqlite {
namespace {

const std::string columns = "kid, public_key, state, created_at, activated_at, retired_at, revoked_at, last_expiry";

SigningKey key_of(const Rows& rows) {
  return {.kid = rows.text(0),
          .key = rows.blob<32>(1),
          .state = static_cast<SigningKeyState>(rows.integer(2)),
          .created_at = rows.instant(3),
          .activated_at = rows.instant_if_any(4),
          .retired_at = rows.instant_if_any(5),
          .revoked_at = rows.instant_if_any(6),
          .last_expiry = rows.instant(7)};
}

}  // namespace

SigningKeyTable::SigningKeyTable(Connection& connection)
    : all_(connection, "SELECT " + columns + " FROM signing_key WHERE tenant_id = ?1 ORDER BY kid"),
      put_(connection, "INSERT OR REPLACE INTO signing_key (tenant_id, " + columns + ") VALUES (?,?,?,?,?,?,?,?,?)") {}

std::vector<SigningKey> SigningKeyTable::all() {
  std::vector<SigningKey> keys;
  auto rows = all_(TenantId::platform().text());
  while (rows.next()) keys.push_back(key_of(rows));
  return keys;
}

void SigningKeyTable::put(const SigningKey& k) {
  put_.run(TenantId::platform().text(), k.kid, k.key, k.state, k.created_at, k.activated_at, k.retired_at, k.revoked_at,
           k.last_expiry);
}

}  // namespace cadastre::sqlite

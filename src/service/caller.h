// Who asks, as the verified token says.
#pragma once

#include <string>
#include <vector>

#include "domain/event.h"
#include "domain/issued_token.h"
#include "domain/scope.h"
#include "service/ports.h"
#include "token/caveat.h"

namespace cadastre {

struct Caller {
  TenantId tenant;  ///< TenantId::platform() when the token is a platform administrator's.
  Scope scope;
  std::string token_id;            ///< `jti`.
  std::vector<RevocationId> rids;  ///< Of the token, then of its ancestors: any of them revoked ends it.
  Bytes<32> subject_key{};
  Bytes<32> subject_thumbprint{};
  std::int64_t generation = 1;
  Instant expires_at;
  std::vector<Caveat> caveats;  ///< What it is bound by, and whatever is issued under it.
  std::string audience;         ///< `aud`.
  bool requires_pop = false;
  std::string request_id;
};

/// True for a platform administrator, who belongs to no tenant.
bool is_platform(const Caller& caller);

Actor actor_of(const Caller& caller);

/// Asks the store again, inside the transaction that is about to change something, whether the caller still may:
/// generation, revocation of any element or of its key. Refuses as authentication does.
Result<void> readmit(Reader& tx, const Caller& caller);

}  // namespace cadastre

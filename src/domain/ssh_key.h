// A public SSH key of a tenant's: whoever holds its private half may log in to the tenant's VMs.
#pragma once

#include <string>

#include "base/time.h"
#include "domain/tenant_id.h"

namespace cadastre {

struct SshKey {
  TenantId tenant;
  std::string name;
  std::string public_key;  ///< One line of authorized_keys without options: type, base64, and a comment if it had one.
  Instant created_at;
  std::string created_by;  ///< The id of the token under which it was added.
};

}  // namespace cadastre

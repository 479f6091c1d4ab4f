// What has become of the offline links that were used.
#pragma once

#include <span>
#include <vector>

#include "service/ports.h"

namespace cadastre {

/// For each of the tenant's links whether a revocation has ended it: of itself, of what it hangs below in its chain, of
/// what the root of that was issued under, of a key of any of these, or of the root's generation (TOKENS.md section
/// 10). What the register does not know of a chain cannot be told.
std::vector<bool> find_revoked(Reader& reader, const TenantId& tenant, std::span<const SeenLink> links);

}  // namespace cadastre

// What is counted for a token whose caveats limit it.
#pragma once

#include <chrono>

#include "domain/issued_token.h"

namespace cadastre {

/// The live VMs that a `quota` caveat counts, or the requests that a `uses` caveat does (TOKENS.md section 4). Kept for
/// the revocation id of the element that bears the caveat, never negative.
enum class CounterKind { vms, uses };

/// An element whose requests were counted, and that nobody can come with any more.
struct ExpiredBearer {
  TenantId tenant;  ///< Where it was counted.
  RevocationId rid{};
};

/// What an element's requests came to is kept for so long after its end: a clock that is set back by less gives nobody
/// uses again that were spent.
constexpr std::chrono::hours charges_kept_for{24};

}  // namespace cadastre

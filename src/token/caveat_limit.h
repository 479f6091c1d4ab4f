// Which counters a request is charged to when its token bears caveats that count (TOKENS.md section 4).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "domain/issued_token.h"
#include "token/caveat.h"

namespace cadastre {

/// One counter, and how far it may go. Kept for the element that bears the caveat, in the namespace of its root.
struct CaveatLimit {
  CaveatKind kind;
  TenantId place;
  RevocationId rid{};
  std::int64_t number = 0;
  Instant expires_at = {};  ///< The element's own, or later.
  friend bool operator==(const CaveatLimit&, const CaveatLimit&) = default;
};

/// An element of a chain or an ancestor of its root, with the words of its own `cav`.
struct CaveatBearer {
  TenantId place;  ///< Of its root: whose generation counts for it.
  RevocationId rid{};
  std::vector<Caveat> caveats;
  Instant expires_at = {};  ///< Its own, or later.
};

/// What a request under the chain is charged to. `chain` is root first; `ancestors` are all of the root's.
///
/// Each element is charged for the counted caveats that it bears itself. The root's `cav` begins with a copy of what
/// bound the token it was issued under: so for each of the root's, every ancestor that bears the same words is charged
/// too, and whoever issues ten tokens under one that may do three things has three things to share among them. Of
/// several numbers for one counter the smallest counts.
std::vector<CaveatLimit> limits_of(std::span<const CaveatBearer> chain, std::span<const CaveatBearer> ancestors);

}  // namespace cadastre

// What is counted for a token whose caveats limit it.
#pragma once

namespace cadastre {

/// The live VMs that a `quota` caveat counts, or the requests that a `uses` caveat does (TOKENS.md section 4). Kept for
/// the revocation id of the element that bears the caveat, never negative.
enum class CounterKind { vms, uses };

}  // namespace cadastre

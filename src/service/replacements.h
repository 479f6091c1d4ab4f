// The verb that gives a holder another token in place of one it has: a new tier, a new end, and never both at once.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "service/tokens.h"

namespace cadastre {

constexpr std::size_t replacements_max = 100;

/// What the new token says; whatever is absent is as the old one has it.
struct ReplacementOrder {
  std::optional<Scope> scope;
  std::optional<std::int64_t> expires_in_s;  ///< Absent: it ends when the old one would have.
  std::optional<std::int64_t> delegable_depth;
  std::optional<bool> requires_pop;
  std::optional<std::string> caveats;  ///< As `admit_caveats` gave it.
  std::optional<std::string> label;
};

/// Issues a token for the key of the one that `id_or_rid` names, and revokes that one, in the same transaction. The
/// caller must be allowed both; a token that replaces itself stays within its own bounds. Refuses with `conflict` when
/// the old token does not hold any more.
Result<FreshToken> replace_token(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                                 std::string_view id_or_rid, const ReplacementOrder& order);

/// The same for 1 to `replacements_max` different tokens, all of them or none; the answer is in their order. The
/// caller's own is not among them: what it issues would end with it.
Result<std::vector<FreshToken>> replace_tokens(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                                               std::span<const std::string> ids, const ReplacementOrder& order);

}  // namespace cadastre

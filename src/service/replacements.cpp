#include "service/replacements.h"

#include <fmt/format.h>

#include <algorithm>

#include "service/caveat_charges.h"
#include "service/events.h"
#include "service/revocations.h"
#include "service/seen_tokens.h"

namespace cadastre {
namespace {

/// One token and what takes its place: decided and signed before anything is written, so that a refusal leaves no mark.
struct Replacement {
  IssuedToken before;
  FreshToken after;
};

/// Refuses a token that is worth nothing any more: its place is empty.
Result<void> check_holds(Reader& reader, const IssuedToken& token, Instant now) {
  const auto holds = readmit(reader, holder_of(reader, token), now);
  if (holds) return {};
  return refuse(Code::conflict, "token",
                fmt::format("The token {} does not hold any more ({}): issue a new one.", encode_base64url(token.id),
                            holds.error().subject));
}

Result<TokenOrder> order_of(const IssuedToken& before, const ReplacementOrder& order, Instant now) {
  const std::int64_t left_s = s_since_epoch(before.expires_at) - s_since_epoch(now);
  if (!order.expires_in_s && left_s < token_lifetime_min.count()) {
    return refuse(
        Code::invalid_field, "expires_in_seconds",
        fmt::format("The token ends in {} s: say with expires_in_seconds how long the new one lives.", left_s));
  }
  return TokenOrder{.tenant = before.tenant,
                    .subject_key = before.subject_key,
                    .scope = order.scope.value_or(*Scope::parse_canonical(before.scope)),
                    .expires_in_s = order.expires_in_s.value_or(left_s),
                    .delegable_depth = order.delegable_depth.value_or(before.delegable_depth),
                    .requires_pop = order.requires_pop.value_or(before.requires_pop),
                    .caveats = order.caveats.value_or(before.caveats),
                    .label = order.label.value_or(before.label),
                    .audience = before.audience};
}

/// What a token that replaces itself may put in its place: no more than itself, under what it was issued under.
Result<IssuedToken> plan_own(Reader& reader, Services& services, const Caller& caller, const IssuedToken& before,
                             const TokenOrder& order, Instant now) {
  if (order.delegable_depth > before.delegable_depth) {
    return refuse(Code::invalid_field, "delegable_depth",
                  fmt::format("A token cannot raise its own delegable_depth above {}.", before.delegable_depth));
  }
  if (is_counted(caller)) {
    return refuse(Code::conflict, "caveats",
                  "A token with a quota, rpm or uses caveat cannot replace itself: the new one would count anew.");
  }
  Caller above = caller;
  above.rids.erase(above.rids.begin());
  auto planned = TRY(plan_token(reader, services, above, order, now));
  planned.parent = before.parent;
  return planned;
}

bool is_own(const Caller& caller, const IssuedToken& token) { return caller.rids.front() == token.rid; }

Result<Replacement> plan(Reader& reader, Services& services, const Caller& caller, const TenantId& tenant,
                         std::string_view id_or_rid, const ReplacementOrder& order, Instant now) {
  auto before = TRY(token(reader, tenant, id_or_rid));
  TRY(admit_revocation(caller, tenant, rids_of(before)));
  if (!before.device.empty()) {
    return refuse(Code::conflict, "token", "This is a device's token: the device renews it, nobody replaces it.");
  }
  TRY(check_holds(reader, before, now));
  const auto wanted = TRY(order_of(before, order, now));
  auto after = TRY(is_own(caller, before) ? plan_own(reader, services, caller, before, wanted, now)
                                          : plan_token(reader, services, caller, wanted, now));
  return Replacement{std::move(before), TRY(sign_token(services, std::move(after)))};
}

/// The old token ends before the new one begins.
void carry_out(Tx& tx, const Caller& caller, const Replacement& replacement, Instant now) {
  const auto& [before, after] = replacement;
  mark_ended(tx, caller, before, now);
  tx.append(token_revoked_for(before, after.record, caller), now);
  if (!after.record.ancestors.empty()) see_links(tx, caller, now);
  drop_sessions_below(tx, caller, before.tenant, before.rid, now);
  tx.insert(after.record);
  tx.append(token_issued_for(before, after.record, caller), now);
}

/// Says which of several tokens a refusal is about.
std::unexpected<Refusal> at(std::size_t place, Refusal refusal) {
  refusal.errors.push_back({fmt::format("/token_ids/{}", place), refusal.detail});
  return std::unexpected(std::move(refusal));
}

std::unexpected<Refusal> wrong_ids(const char* rule) {
  return std::unexpected(
      Refusal{Code::invalid_field, "token_ids", fmt::format("token_ids {}", rule), {}, {{"/token_ids", rule}}});
}

}  // namespace

Result<FreshToken> replace_token(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                                 std::string_view id_or_rid, const ReplacementOrder& order) {
  const Instant now = services.clock.now();
  auto planned = TRY(plan(tx, services, caller, tenant, id_or_rid, order, now));
  carry_out(tx, caller, planned, now);
  return std::move(planned.after);
}

Result<std::vector<FreshToken>> replace_tokens(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                                               std::span<const std::string> ids, const ReplacementOrder& order) {
  if (ids.empty() || ids.size() > replacements_max) return wrong_ids("must name 1 to 100 tokens");
  const Instant now = services.clock.now();
  std::vector<Replacement> planned;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto one = plan(tx, services, caller, tenant, ids[i], order, now);
    if (!one) return at(i, std::move(one).error());
    if (is_own(caller, one->before)) return wrong_ids("must not have the caller's own token: replace that alone");
    const bool is_twice =
        std::ranges::any_of(planned, [&](const Replacement& each) { return each.before.id == one->before.id; });
    if (is_twice) return wrong_ids("must name each token once");
    planned.push_back(*std::move(one));
  }
  std::vector<FreshToken> fresh;
  for (Replacement& each : planned) {
    carry_out(tx, caller, each, now);
    fresh.push_back(std::move(each.after));
  }
  return fresh;
}

}  // namespace cadastre

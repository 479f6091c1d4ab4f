#include "service/tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "service/events.h"
#include "service/seen_tokens.h"
#include "token/claims.h"

namespace cadastre {
namespace {

constexpr std::size_t label_bytes_max = 100;

Result<void> check_order(const Services& services, const TokenOrder& order) {
  const std::int64_t longest = services.deployment.token_lifetime_max.count();
  if (order.expires_in_s < token_lifetime_min.count() || order.expires_in_s > longest) {
    return refuse_member("expires_in_seconds",
                         fmt::format("must be an integer from {} to {}", token_lifetime_min.count(), longest));
  }
  if (order.delegable_depth < 0 || order.delegable_depth > delegable_depth_max) {
    return refuse_member("delegable_depth", fmt::format("must be an integer from 0 to {}", delegable_depth_max));
  }
  if (order.tenant.is_platform() != (order.scope == Scope::platform_admin())) {
    return refuse_member("scope", "service:platform-admin is for tokens without a tenant, and for them alone");
  }
  const std::string& own = services.deployment.audience;
  if (!order.audience.empty() && order.audience != own && !order.audience.starts_with(own + "/")) {
    return refuse_member("audience", fmt::format("must be {0} or {0}/<service>", own));
  }
  return check_label(order.label);
}

/// Nobody hands out more than they have.
Result<void> admit_scope(const Services& services, const Caller& caller, const Scope& scope) {
  if (may_delegate(caller.scope, scope, services.deployment.delegable_services)) return {};
  return refuse(Code::insufficient_scope, "scope",
                fmt::format("A token of scope {} cannot issue one of scope {}.", caller.scope.text(), scope.text()));
}

/// What a sub-token owes to the token it is issued under. A platform administrator issues root tokens of tenants.
Result<void> admit_sub_token(const Caller& caller, const TokenOrder& order, Instant expires_at) {
  if (is_platform(caller) && !order.tenant.is_platform()) return {};
  if (expires_at > caller.expires_at) {
    const std::string latest = format_rfc3339(caller.expires_at);
    return std::unexpected(
        Refusal{Code::expires_after_parent,
                "expires_in_seconds",
                fmt::format("The token it is issued under expires at {}; ask for a shorter life.", latest),
                {},
                {{"/expires_in_seconds", fmt::format("must end by {}", latest)}}});
  }
  if (caller.rids.size() > ancestors_max) {
    return refuse(Code::conflict, "anc",
                  fmt::format("The caller's token has {} ancestors already.", caller.rids.size() - 1));
  }
  return {};
}

/// A sub-token is bound by what binds the token it is issued under: its caveats, its audience, its proof of possession.
Result<void> bind_to_parent(const Services& services, const Caller& caller, const TokenOrder& order,
                            IssuedToken& record) {
  if (order.audience.empty()) record.audience = caller.audience;
  record.caveats = TRY(inherit_caveats(caller.caveats, record.caveats));
  record.requires_pop = record.requires_pop || caller.requires_pop;
  record.ancestors = caller.rids;
  if (caller.audience == services.deployment.audience || caller.audience == record.audience) return {};
  return refuse_member("audience", fmt::format("must be {}, as that of the token it is issued under", caller.audience));
}

/// The tenant, which may get a token now.
Result<Tenant> issuing_tenant(Reader& reader, const TenantId& id) {
  auto tenant = reader.tenant(id);
  if (!tenant) return refuse(Code::not_found, "tenant", "There is no such tenant.");
  TRY(admit_change(*tenant));
  return *std::move(tenant);
}

IssuedToken draw_record(Services& services, const TokenOrder& order, const Tenant& tenant, Instant now) {
  const std::int64_t now_s = s_since_epoch(now);
  IssuedToken record{.tenant = order.tenant,
                     .scope = order.scope.text(),
                     .subject_key = order.subject_key,
                     .audience = order.audience.empty() ? services.deployment.audience : order.audience,
                     .issuer = services.deployment.issuer,
                     .label = order.label,
                     .generation = tenant.generation,
                     .delegable_depth = order.delegable_depth,
                     .requires_pop = order.requires_pop,
                     .caveats = order.caveats,
                     .issued_at = instant_from_s(now_s),
                     .not_before = instant_from_s(now_s),
                     .expires_at = instant_from_s(now_s + order.expires_in_s)};
  services.random.fill(record.id);
  return record;
}

Claims claims_of(const IssuedToken& record) {
  return {.issuer = record.issuer,
          .audience = record.audience,
          .tenant = record.tenant,
          .id = record.id,
          .scope = *Scope::parse_canonical(record.scope),
          .subject = record.subject_key,
          .generation = record.generation,
          .issued_at_s = s_since_epoch(record.issued_at),
          .not_before_s = s_since_epoch(record.not_before),
          .expires_at_s = s_since_epoch(record.expires_at),
          .delegable_depth = record.delegable_depth,
          .requires_pop = record.requires_pop,
          .caveats = record.caveats,
          .ancestors = record.ancestors,
          .device = record.device};
}

std::unexpected<Refusal> no_signer() {
  return std::unexpected(Refusal{.code = Code::unavailable,
                                 .subject = "signing_key",
                                 .detail = "This server lacks the private key that signs tokens now; the operator has "
                                           "to give it. Nothing was issued.",
                                 .retry_after_s = 60});
}

}  // namespace

Result<void> check_label(std::string_view label) {
  const bool has_control =
      std::ranges::any_of(label, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (label.size() > label_bytes_max || has_control)
    return refuse_member("label", "must have at most 100 bytes and no control characters");
  return {};
}

Result<IssuedToken> plan_token(Reader& reader, Services& services, const Caller& caller, const TokenOrder& order,
                               Instant now) {
  TRY(admit_scope(services, caller, order.scope));
  TRY(check_order(services, order));
  const auto tenant = TRY(issuing_tenant(reader, order.tenant));
  auto record = draw_record(services, order, tenant, now);
  TRY(admit_sub_token(caller, order, record.expires_at));
  if (is_platform(caller) == order.tenant.is_platform()) TRY(bind_to_parent(services, caller, order, record));
  record.issued_by = caller.token_id;
  if (!caller.rids.empty()) record.parent = caller.rids.front();
  return record;
}

Result<IssuedToken> plan_device_token(Reader& reader, Services& services, const Device& device, std::string issued_by,
                                      std::int64_t expires_in_s, Instant now) {
  const TokenOrder order{.tenant = device.tenant,
                         .subject_key = device.subject_key,
                         .scope = *Scope::parse_canonical(device.scope),
                         .expires_in_s = expires_in_s,
                         .requires_pop = true};
  TRY(check_order(services, order));
  const auto tenant = TRY(issuing_tenant(reader, order.tenant));
  auto record = draw_record(services, order, tenant, now);
  record.device = device.id;
  record.issued_by = std::move(issued_by);
  return record;
}

Caller holder_of(Reader& reader, const IssuedToken& token) {
  std::vector<RevocationId> rids{token.rid};
  rids.insert(rids.end(), token.ancestors.begin(), token.ancestors.end());
  Caller holder{.tenant = token.tenant,
                .home = token.tenant,
                .scope = *Scope::parse_canonical(token.scope),
                .token_id = encode_base64url(token.id),
                .rids = std::move(rids),
                .subject_key = token.subject_key,
                .key_thumbprints = {thumbprint(token.subject_key)},
                .generation = token.generation,
                .expires_at = token.expires_at,
                .caveats = {},
                .audience = token.audience,
                .device = token.device,
                .request_id = {}};
  add_keys_of_ancestors(holder, reader);
  return holder;
}

Result<FreshToken> sign_token(const Services& services, IssuedToken planned) {
  const IssuerKeyView& keys = services.keys.issuer.current();
  if (keys.signer() == nullptr) return no_signer();
  planned.kid = keys.active_kid;
  auto minted = TRY(mint(claims_of(planned), *keys.signer(), services.deployment.token_algorithm));
  planned.rid = minted.rid;
  return FreshToken{std::move(planned), std::move(minted.text)};
}

Result<FreshToken> issue_token(Tx& tx, Services& services, const Caller& caller, const TokenOrder& order) {
  const Instant now = services.clock.now();
  auto planned = TRY(plan_token(tx, services, caller, order, now));
  auto fresh = TRY(sign_token(services, std::move(planned)));
  if (!fresh.record.ancestors.empty()) see_links(tx, caller, now);
  tx.insert(fresh.record);
  tx.append(token_issued(fresh.record, actor_of(caller), caller.request_id), now);
  return fresh;
}

Result<FreshToken> issue_admin_token(Tx& tx, Services& services, std::string_view name, std::chrono::seconds lifetime) {
  // Its key is drawn and dropped: the token is a Bearer credential, and nobody can prove possession for it.
  const TokenOrder order{.tenant = TenantId::platform(),
                         .subject_key = PrivateKey::draw(services.random).public_key(),
                         .scope = Scope::platform_admin(),
                         .expires_in_s = lifetime.count(),
                         .label = std::string(name)};
  TRY(check_order(services, order));
  const auto platform = TRY(issuing_tenant(tx, order.tenant));
  const Instant now = services.clock.now();
  auto fresh = TRY(sign_token(services, draw_record(services, order, platform, now)));
  tx.insert(fresh.record);
  tx.append(token_issued(fresh.record, {.kind = std::string(local_command)}, ""), now);
  return fresh;
}

Result<std::string> sign_again(const Services& services, const IssuedToken& record) {
  const PrivateKey* const key = services.keys.issuer.current().private_key(record.kid);
  if (key == nullptr) {
    return refuse(Code::conflict, "kid",
                  "The key that signed it is revoked, or not on this server: issue a new token with a new "
                  "Idempotency-Key.");
  }
  return TRY(mint(claims_of(record), *key, services.deployment.token_algorithm)).text;
}

Result<IssuedToken> token(Reader& reader, const TenantId& tenant, std::string_view id_or_rid) {
  const auto bytes = decode_base64url(id_or_rid);
  std::optional<IssuedToken> found;
  if (const auto id = bytes ? exactly<16>(*bytes) : std::nullopt) found = reader.token(tenant, *id);
  if (const auto rid = bytes ? exactly<32>(*bytes) : std::nullopt) found = reader.token_by_rid(tenant, *rid);
  if (!found) return refuse(Code::not_found, "token", "There is no such token.");
  return *std::move(found);
}

}  // namespace cadastre

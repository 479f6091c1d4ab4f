#include "token/verify.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace cadastre {
namespace {

constexpr std::int64_t leeway_s = 60;  // of nbf and iat; exp has none (TOKENS.md section 8)

Checked<void> check_lifetime(std::int64_t issued_at_s, std::int64_t not_before_s, std::int64_t expires_at_s,
                             Instant now) {
  const std::int64_t now_s = s_since_epoch(now);
  if (issued_at_s > now_s + leeway_s) return fault("issued_in_future");
  if (not_before_s > now_s + leeway_s) return fault("not_yet_valid");
  if (now_s >= expires_at_s) return fault("expired");
  return {};
}

/// Whether the root of a chain is an issuer's for this service, or is only read.
enum class RootTrust { proven, claimed };

/// Steps 4 to 10 on one credential, element by element; `token_` is what holds so far.
class ChainVerifier {
 public:
  ChainVerifier(const VerifierRules& rules, const IssuerKeys& keys, RootTrust trust, AdmittedKeys& admitted,
                std::optional<Instant> now)
      : rules_(rules), keys_(keys), trust_(trust), admitted_(admitted), now_(now) {}

  Checked<VerifiedToken> verify(std::span<const std::string_view> elements) {
    VerifiedToken token = TRY(root(elements.front()));
    const std::vector<RevocationId> ancestors = std::exchange(ancestors_, {});
    for (const std::string_view link : elements.subspan(1)) TRY(narrow(token, link));
    token.rids.insert(token.rids.end(), ancestors.begin(), ancestors.end());
    return token;
  }

 private:
  Checked<VerifiedToken> root(std::string_view text) {
    const Jws jws = TRY(decode_jws(text));
    const JwsHeader header = TRY(decode_header(jws.header, ObjectKind::capability));
    if (trust_ == RootTrust::proven) TRY(check_signature(jws, header));
    ReceivedClaims claims = TRY(decode_claims(jws.payload, ObjectKind::capability));
    if (trust_ == RootTrust::proven) TRY(check_origin(claims));
    const Scope scope = TRY(scope_of(claims));
    const auto tenant = TRY(tenant_of(claims));
    const bool is_platform = scope == Scope::platform_admin();
    if (!tenant && !is_platform) return fault("claim_missing:tid");
    if (tenant && is_platform) return fault("bad_tenant_id");
    VerifiedToken token{.id = claims.id,
                        .home = tenant.value_or(TenantId::platform()),
                        .tenant = tenant,
                        .scope = scope,
                        .kid = header.kid,
                        .audience = claims.audience,
                        .device = std::move(claims.device),
                        .generation = claims.generation,
                        .delegable_depth = claims.delegable_depth.value_or(0)};
    token.not_before_s = claims.not_before_s.value_or(claims.issued_at_s);
    token.expires_at_s = token.root_expires_at_s = claims.expires_at_s;
    ancestors_ = std::move(claims.ancestors);
    TRY(add(token, claims, jws));
    return token;
  }

  /// Steps 5 and 6.
  Checked<void> check_signature(const Jws& jws, const JwsHeader& header) const {
    const IssuerKey* const key = keys_.find(header.kid);
    if (key == nullptr) return fault("unknown_kid");
    if (key->state == IssuerKeyState::revoked) return fault("key_revoked");
    if (!cadastre::verify(key->key, as_bytes(jws.signing_input), jws.signature)) return fault("signature_invalid");
    return {};
  }

  Checked<void> check_origin(const ReceivedClaims& claims) const {
    if (claims.issuer != rules_.issuer) return fault("bad_issuer");
    if (!is_for_us(claims.audience)) return fault("bad_audience");
    return {};
  }

  /// One link: signed by the holder of `token`, and nothing but narrower than it.
  Checked<void> narrow(VerifiedToken& token, std::string_view text) {
    const auto position = static_cast<std::int64_t>(token.elements);
    if (position > token.delegable_depth) return fault("delegation_not_allowed");
    const Jws jws = TRY(decode_jws(text));
    TRY(decode_header(jws.header, ObjectKind::link));
    if (!cadastre::verify(token.holder, as_bytes(jws.signing_input), jws.signature)) return fault("signature_invalid");
    const ReceivedClaims claims = TRY(decode_claims(jws.payload, ObjectKind::link));
    if (claims.parent_hash != encode_base64url(token.rid())) return fault("parent_mismatch");
    if (claims.issuer != encode_base64url(token.holder_thumbprint())) return fault("bad_link_issuer");
    if (claims.depth != position) return fault("bad_del_depth");
    const Scope scope = TRY(scope_of(claims));
    const auto tenant = TRY(tenant_of(claims));
    const std::int64_t depth = claims.delegable_depth.value_or(position);
    if (!may_delegate(token.scope, scope, rules_.delegable_services)) return fault("widened:scope");
    if (claims.expires_at_s > token.expires_at_s) return fault("widened:exp");
    if (claims.not_before_s.value_or(token.not_before_s) < token.not_before_s) return fault("widened:nbf");
    if (tenant && token.tenant && tenant != token.tenant) return fault("widened:tid");
    if (depth > token.delegable_depth || depth < position) return fault("widened:del_max_depth");
    token.id = claims.id;
    token.scope = scope;
    if (tenant) token.tenant = tenant;
    token.expires_at_s = claims.expires_at_s;
    token.not_before_s = claims.not_before_s.value_or(token.not_before_s);
    token.delegable_depth = depth;
    ++token.elements;
    TRY(add(token, claims, jws));
    token.links.push_back({.id = claims.id,
                           .scope = scope,
                           .holder = token.holder,
                           .issued_at_s = claims.issued_at_s,
                           .not_before_s = token.not_before_s,
                           .expires_at_s = claims.expires_at_s});
    return {};
  }

  /// Steps 8 and 9, the same for every element, and what every element adds to the token.
  Checked<void> add(VerifiedToken& token, const ReceivedClaims& claims, const Jws& jws) {
    if (now_) TRY(check_lifetime(claims.issued_at_s, token.not_before_s, token.expires_at_s, *now_));
    if (claims.expires_at_s - claims.issued_at_s > rules_.lifetime_max.count()) return fault("lifetime_too_long");
    token.issued_at_s = std::max(token.issued_at_s, claims.issued_at_s);
    token.requires_pop = token.requires_pop || claims.requires_pop;
    token.holder = TRY(holder_of(claims));
    token.rids.push_back(rid_of(jws.signing_input));
    token.key_thumbprints.push_back(thumbprint(token.holder));
    const bool is_root = token.elements == 1;
    if (is_root && claims.subject != encode_base64url(token.holder_thumbprint())) return fault("bad_subject");
    if (!claims.caveats) return {};
    auto caveats = TRY(decode_caveats(*claims.caveats, token.elements - 1));
    std::ranges::move(caveats, std::back_inserter(token.caveats));
    if (token.caveats.size() > caveats_per_chain_max) return fault("bad_caveat");
    return {};
  }

  bool is_for_us(std::string_view audience) const {
    if (audience == rules_.audience) return true;
    return !rules_.service.empty() && audience == rules_.audience + "/" + rules_.service;
  }

  static Checked<Scope> scope_of(const ReceivedClaims& claims) {
    const auto scope = Scope::parse_canonical(claims.scope);
    if (!scope) return fault("bad_scope");
    return *scope;
  }

  static Checked<std::optional<TenantId>> tenant_of(const ReceivedClaims& claims) {
    if (!claims.tenant) return std::optional<TenantId>();
    const auto tenant = TenantId::parse(*claims.tenant);
    if (!tenant) return fault("bad_tenant_id");
    return std::optional(*tenant);
  }

  Checked<PublicKey> holder_of(const ReceivedClaims& claims) {
    const json::Value* const jwk = claims.confirmation.find("jwk");
    if (jwk == nullptr || claims.confirmation.members.size() != 1) return fault("bad_cnf");
    const PublicKey key = TRY(decode_jwk(*jwk));
    if (!admitted_.admits(key)) return fault("weak_key");
    return key;
  }

  const VerifierRules& rules_;
  const IssuerKeys& keys_;
  RootTrust trust_;
  AdmittedKeys& admitted_;
  std::optional<Instant> now_;  // nothing: times are not looked at
  std::vector<RevocationId> ancestors_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::vector<RevocationId> VerifiedToken::rids_upwards() const {
  const auto own_end = rids.begin() + static_cast<std::ptrdiff_t>(elements);
  std::vector<RevocationId> upwards(std::reverse_iterator(own_end), rids.rend());
  upwards.insert(upwards.end(), own_end, rids.end());
  return upwards;
}

Checked<Presented> decode_authorization(std::span<const std::string_view> authorization,
                                        std::span<const std::string_view> proofs) {
  if (authorization.empty()) return fault("missing_credentials");
  if (authorization.size() > 1 || proofs.size() > 1) return fault("multiple_credentials");
  const std::string_view field = authorization.front();
  const std::size_t end = std::min(field.find(' '), field.size());
  Presented presented;
  if (equal_ignoring_case(field.substr(0, end), "DPoP")) {
    presented.scheme = AuthorizationScheme::dpop;
  } else if (!equal_ignoring_case(field.substr(0, end), "Bearer")) {
    return fault("unsupported_scheme");
  }
  presented.credential = field.substr(std::min(field.find_first_not_of(' ', end), field.size()));
  if (presented.credential.empty()) return fault("missing_credentials");
  if (presented.credential.size() > credential_bytes_max) return fault("token_too_large");
  if (!proofs.empty()) presented.proof = proofs.front();
  return presented;
}

Checked<std::vector<std::string_view>> split_chain(std::string_view credential, std::size_t links_max) {
  if (credential.size() > credential_bytes_max) return fault("token_too_large");
  std::vector<std::string_view> elements;
  for (std::size_t start = 0; start <= credential.size();) {
    const std::size_t end = std::min(credential.find('~', start), credential.size());
    if (end == start) return fault("malformed_chain");
    elements.push_back(credential.substr(start, end - start));
    start = end + 1;
  }
  if (elements.size() > links_max + 1) return fault("too_many_links");
  return elements;
}

Checked<VerifiedToken> verify_token(std::string_view credential, const VerifierRules& rules, const IssuerKeys& keys,
                                    AdmittedKeys& admitted, Instant now) {
  const auto elements = TRY(split_chain(credential, rules.links_max));
  return ChainVerifier(rules, keys, RootTrust::proven, admitted, now).verify(elements);
}

Checked<ClaimedToken> read_chain(std::string_view credential, const VerifierRules& rules, AdmittedKeys& admitted,
                                 Instant now) {
  const IssuerKeys none;
  const auto elements = TRY(split_chain(credential, rules.links_max));
  return ClaimedToken{TRY(ChainVerifier(rules, none, RootTrust::claimed, admitted, now).verify(elements))};
}

Checked<VerifiedToken> identify_token(std::string_view credential, const VerifierRules& rules, const IssuerKeys& keys,
                                      AdmittedKeys& admitted) {
  const auto elements = TRY(split_chain(credential, rules.links_max));
  return ChainVerifier(rules, keys, RootTrust::proven, admitted, std::nullopt).verify(elements);
}

Checked<void> check_state(const VerifiedToken& token, const TokenState& state, const IssuerKeys& keys, Access access,
                          Instant now) {
  TRY(check_lifetime(token.issued_at_s, token.not_before_s, token.expires_at_s, now));
  if (!state.is_known) return fault(FaultKind::unavailable, "revocation_state_unavailable");
  if (state.tenant == TenantStanding::unknown) return fault("tenant_unknown");
  // A device's token hangs on its device, which a new generation leaves where it is (TOKENS.md section 10).
  const bool is_device = !token.device.empty();
  if (!is_device && token.generation < state.generation) return fault("tenant_generation");
  if (is_device && !state.has_device) return fault("device_revoked");
  if (state.is_revoked) return fault("revoked");
  if (state.is_key_revoked) return fault("key_revoked:subject");
  const IssuerKey* const key = keys.find(token.kid);
  if (key == nullptr) return fault("unknown_kid");
  if (key->state == IssuerKeyState::revoked) return fault("key_revoked");
  if (state.tenant == TenantStanding::suspended && access == Access::change) {
    return fault(FaultKind::tenant_suspended, "tenant_suspended");
  }
  return {};
}

Checked<void> check_use(const VerifiedToken& token, const TokenUse& use) {
  if (use.tenant && token.tenant && use.tenant != token.tenant)
    return fault(FaultKind::tenant_mismatch, "tenant_mismatch");
  const bool too_wide = use.needed == Scope::platform_admin() && token.tenant.has_value();
  if (too_wide || !permits(token.scope, use.needed)) return fault(FaultKind::insufficient_scope, "insufficient_scope");
  for (const Caveat& caveat : token.caveats) {
    if (allows(caveat, use)) continue;
    return fault(FaultKind::caveat_denied, "caveat_denied:" + std::string(name_of(caveat.kind)));
  }
  return {};
}

}  // namespace cadastre

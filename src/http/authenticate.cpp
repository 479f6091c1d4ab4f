#include "http/authenticate.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "http/browser_session.h"
#include "http/problem.h"
#include "service/caveat_charges.h"
#include "service/sessions.h"

namespace cadastre::http {
namespace {

constexpr std::chrono::seconds cache_ttl{60};    // TOKENS.md section 11
constexpr std::chrono::seconds feed_age_max{5};  // TOKENS.md section 10

/// The links as the register keeps them, in the namespace that the token acts in.
std::vector<SeenLink> links_of(const VerifiedToken& token) {
  std::vector<SeenLink> links;
  for (std::size_t i = 0; i < token.links.size(); ++i) {
    const VerifiedLink& link = token.links[i];
    std::vector<Caveat> own;
    std::ranges::copy_if(token.caveats, std::back_inserter(own),
                         [&](const Caveat& caveat) { return caveat.element == i + 1; });
    links.push_back({.tenant = token.tenant.value_or(TenantId::platform()),
                     .rid = token.rids[i + 1],
                     .id = link.id,
                     .parent = token.rids[i],
                     .root = token.rids.front(),
                     .scope = link.scope.text(),
                     .subject_key = link.holder,
                     .caveats = encode_caveats(own),
                     .depth = static_cast<std::int64_t>(i + 1),
                     .issued_at = instant_from_s(link.issued_at_s),
                     .not_before = instant_from_s(link.not_before_s),
                     .expires_at = instant_from_s(link.expires_at_s)});
  }
  return links;
}

Caller caller_of(const VerifiedToken& token) {
  return {.tenant = token.tenant.value_or(TenantId::platform()),
          .home = token.home,
          .scope = token.scope,
          .token_id = token.elements == 1 ? token.id : encode_base64url(token.rid()),
          .rids = token.rids_upwards(),
          .elements = token.elements,
          .subject_key = token.holder,
          .key_thumbprints = {token.key_thumbprints.rbegin(), token.key_thumbprints.rend()},
          .generation = token.generation,
          .expires_at = instant_from_s(token.expires_at_s),
          .root_expires_at = instant_from_s(token.root_expires_at_s),
          .caveats = token.caveats,
          .audience = token.audience,
          .requires_pop = token.requires_pop,
          .device = token.device,
          .request_id = {},
          .links = links_of(token),
          .kid = token.kid};
}

bool is_change(const Route& route) { return std::holds_alternative<ChangeHandler>(route.handler); }

/// `vm:<id>` or `node:<id>` when the path names one, for `res` caveats.
std::string resource_of(const Match& match) {
  if (match.route->path.starts_with("/v1/vms/{id}")) return fmt::format("vm:{}", match.path[0]);
  if (match.route->path.starts_with("/v1/nodes/{id}")) return fmt::format("node:{}", match.path[0]);
  return {};
}

/// The tenant that the path names. A name that no tenant can have is nobody's: null inside.
std::optional<std::optional<TenantId>> named_tenant(const Match& match) {
  if (match.route->subject != Subject::path_tenant) return std::nullopt;
  auto tenant = TenantId::parse(match.path[0]);
  return tenant ? std::optional(*std::move(tenant)) : std::optional<TenantId>();
}

/// Step 13, and whether the route is about something the caller has.
Checked<void> check_request(const KnownToken& known, const Request& request, const Match& match) {
  const auto named = named_tenant(match);
  if (named && !*named && known.token.tenant) return fault(FaultKind::tenant_mismatch, "tenant_mismatch");
  const std::string resource = resource_of(match);
  const TokenUse use{
      .method = request.method(),
      .path = request.path(),
      .operation = match.route->operation,
      .resource = resource,
      .peer = request.peer,
      .tenant = named.value_or(std::nullopt),
      // A device gets another token whatever the one that it has allows.
      .needed = match.route->subject == Subject::own_device ? known.token.scope : *match.route->needs,
      .charges_counters = known.caller.limits && !std::holds_alternative<OpenHandler>(match.route->handler)};
  if (auto allowed = check_use(known.token, use); !allowed) return allowed;
  return {};
}

TenantStanding standing_of(TenantState state) {
  switch (state) {
    case TenantState::active: return TenantStanding::active;
    case TenantState::suspended: return TenantStanding::suspended;
    case TenantState::deleted: return TenantStanding::unknown;
  }
  std::unreachable();
}

/// What a request came with: a field, or the cookie of a browser's session.
struct Offered {
  Presented presented;
  bool is_cookie = false;
};

/// Step 1.
Checked<Offered> decode_offer(const Request& request) {
  const auto authorization = request.headers("authorization");
  const auto cookie_fields = request.headers("cookie");
  const auto cookies = session_cookies(cookie_fields);
  if (cookies.empty()) return Offered{TRY(decode_authorization(authorization, request.headers("dpop")))};
  if (cookies.size() > 1 || !authorization.empty()) return fault("multiple_credentials");
  return Offered{.presented = {.credential = cookies.front()}, .is_cookie = true};
}

/// Notes in `state` what of the token is revoked in the gate's namespace.
void look_up_revocations(const Caller& caller, TenantGate& gate, Reader& reader, TokenState& state) {
  const TenantId& place = gate.id();
  std::span<const RevocationId> of_session;
  if (caller.session && place == caller.tenant) of_session = std::span(&caller.session->rid, 1);
  if (gate.rules_out({caller.rids, caller.key_thumbprints, of_session}, reader)) return;
  const auto is_any = [&](RevocationKind kind, std::span<const Bytes<32>> ids) {
    return !reader.revoked_among(place, kind, ids).empty();
  };
  if (is_any(RevocationKind::token, caller.rids) || is_any(RevocationKind::token, of_session)) state.is_revoked = true;
  if (is_any(RevocationKind::key, caller.key_thumbprints)) state.is_key_revoked = true;
}

}  // namespace

Authenticator::Authenticator(VerifierRules rules, IssuerKeyring& keyring, TenantGates& gates, Store& store,
                             const Clock& clock, std::vector<std::string> base_urls, std::int64_t address_limit)
    : rules_(std::move(rules)),
      keyring_(keyring),
      gates_(gates),
      store_(store),
      clock_(clock),
      base_urls_(std::move(base_urls)),
      addresses_(address_limit) {}

std::shared_ptr<KnownToken> Authenticator::recall(const Digest& digest, TokenCache& cache) const {
  const auto* const hit = cache.tokens.find(digest);
  return hit != nullptr && clock_.now() < (*hit)->verified_at + cache_ttl ? *hit : nullptr;
}

Checked<KnownToken> Authenticator::verify(std::string_view credential, Reader& reader) {
  const Instant now = clock_.now();
  auto checked = verify_token(credential, rules_, keys(), admitted_, now);
  const bool is_stranger = !checked && checked.error().reason == "unknown_kid";
  if (is_stranger && keyring_.refresh_for_stranger(reader)) {
    checked = verify_token(credential, rules_, keys(), admitted_, now);
  }
  auto verified = TRY(std::move(checked));
  Caller caller = caller_of(verified);
  add_keys_of_ancestors(caller, reader);
  caller.limits = resolve_limits(caller, reader);
  return KnownToken{.token = std::move(verified), .caller = std::move(caller), .verified_at = now};
}

Checked<KnownToken> Authenticator::look_up(const SessionCredential& credential, Reader& reader) const {
  const Instant now = clock_.now();
  auto session = reader.session(credential.tenant, credential.id);
  if (!session || !equal_in_constant_time(sha256(ByteView(credential.secret)), session->secret_hash)) {
    return fault("session_ended");
  }
  KnownToken known{
      .token = token_of(*session), .caller = cadastre::caller_of(*session), .verified_at = now, .session = {}};
  known.caller.limits = resolve_limits(known.caller, reader);
  const Instant end = std::chrono::ceil<std::chrono::seconds>(session->expires_at);  // for those who are told
  known.token.expires_at_s = std::min(known.token.expires_at_s, s_since_epoch(end));
  known.session = std::make_unique<Session>(*std::move(session));
  return known;
}

Checked<std::shared_ptr<KnownToken>> Authenticator::learn(std::string_view credential, const Digest& digest,
                                                          TokenCache& cache, Reader& reader) {
  const auto of_session = SessionCredential::parse(credential);
  auto known =
      std::make_shared<KnownToken>(TRY(of_session ? look_up(*of_session, reader) : verify(credential, reader)));
  if (!watch_namespaces(*known, reader)) return fault("tenant_unknown");
  cache.tokens.put(digest, known);
  return known;
}

Result<std::shared_ptr<KnownToken>> Authenticator::find(std::string_view credential, const std::string& peer,
                                                        TokenCache& cache, Reader& reader) {
  const Digest digest = sha256(credential);
  if (auto known = recall(digest, cache)) return known;
  // A good token in the cache is served whatever else its address sends; a new one has to wait for its turn.
  if (!addresses_.has_room(peer, clock_.tick())) {
    return std::unexpected(rate_refusal(addresses_.admit(peer, clock_.tick()), "an address without a good credential"));
  }
  auto known = learn(credential, digest, cache, reader);
  if (known) return *std::move(known);
  addresses_.admit(peer, clock_.tick());
  return std::unexpected(refusal_of(known.error(), std::nullopt));
}

bool Authenticator::watch_namespaces(KnownToken& known, Reader& reader) {
  for (const TenantId& each : namespaces_of(known.caller)) {
    known.watched.push_back({.gate = gates_.find(each, reader)});
    const auto& gate = known.watched.back().gate;
    if (gate == nullptr) return false;
    if (each == known.caller.tenant) known.gate = gate;
    if (each == known.caller.home) known.home = gate;
  }
  return true;
}

Checked<void> Authenticator::check_session(KnownToken& known, Reader& reader) const {
  if (!known.session || !has_ended(*known.session, clock_.now())) return {};
  // Another thread or process may know of a later use.
  auto session = reader.session(known.session->tenant, known.session->id);
  if (!session || has_ended(*session, clock_.now())) return fault("session_ended");
  *known.session = *std::move(session);
  return {};
}

void Authenticator::note_use(KnownToken& known) const {
  if (!known.session) return;
  const Instant now = clock_.now();
  if (!is_note_due(*known.session, now)) return;
  const auto note = [tenant = known.session->tenant, id = known.session->id, now](Tx& tx) {
    return note_session_use(tx, tenant, id, now) ? Verdict::commit : Verdict::drop;
  };
  const auto finished = [](const std::exception_ptr&) {};  // a later use is noted instead
  try {
    if (store_.submit({.tenant = known.session->tenant, .body = note, .done = finished})) known.session->seen_at = now;
  } catch (const StoreFailure& failure) {
    log::warn("the use of a session could not be noted", {{"reason", failure.what()}});
  }
}

Checked<void> Authenticator::check_standing(KnownToken& known, Access access, Reader& reader) {
  TRY(check_session(known, reader));
  if (keyring_.age() > feed_age_max) keyring_.refresh(reader);
  TokenState state;
  const bool is_device = !known.token.device.empty();
  state.has_device = true;  // until the store says otherwise
  for (WatchedNamespace& each : known.watched) {
    TenantGate& gate = *each.gate;
    // Without fresh news of other processes, what is known of the tenant is asked for again; throws when it cannot be.
    if (gate.is_in_doubt() || store_.feed_age() > feed_age_max) gates_.refresh(gate, reader);
    // When nothing was revoked in the namespace since this token was last looked up, nothing of it was either.
    const std::int64_t revocations = gate.revocations();
    const bool may_have_ended = revocations != each.revocations_seen;
    if (may_have_ended) look_up_revocations(known.caller, gate, reader, state);
    if (may_have_ended && is_device && gate.id() == known.caller.tenant) {
      state.has_device = has_device(reader, known.caller);
    }
    if (!state.is_revoked && !state.is_key_revoked && state.has_device) each.revocations_seen = revocations;
  }
  state.generation = known.home->generation();
  state.tenant = standing_of(known.gate->state());
  auto standing = check_state(known.token, state, keys(), access, clock_.now());
  // Its row may be gone already where it is not in a cache: the answer is the same everywhere.
  if (known.session && !standing && standing.error().kind == FaultKind::token) return fault("session_ended");
  return standing;
}

Checked<void> Authenticator::check_possession(const KnownToken& known, const Presented& presented,
                                              const Request& request) {
  const bool bare = !presented.proof && presented.scheme == AuthorizationScheme::bearer;
  if (bare && !known.token.requires_pop) return {};
  const std::scoped_lock lock(replay_mutex_);
  Checked<void> proved;
  for (const std::string& base : base_urls_) {
    const std::string url = base + std::string(request.path());
    proved = check_proof(known.token, presented, {.method = request.method(), .url = url}, replay_, clock_.now());
    if (proved || proved.error().reason != "pop_htu") break;  // only that one may be another base's
  }
  return proved;
}

Result<std::shared_ptr<KnownToken>> Authenticator::prove(const Request& request, const Match& match, TokenCache& cache,
                                                         Reader& reader, bool& suspended) {
  const auto refused = [&](const TokenFault& fault) {
    addresses_.admit(request.peer, clock_.tick());
    return std::unexpected(refusal_of(fault, std::nullopt));
  };
  const auto offered = decode_offer(request);
  if (!offered) return refused(offered.error());
  const Presented& presented = offered->presented;
  auto known = TRY(find(presented.credential, request.peer, cache, reader));
  const bool is_browsers = known->session && known->session->is_browser;
  if (is_browsers != offered->is_cookie) return refused({FaultKind::token, "session_form"});
  const auto access = is_change(*match.route) ? Access::change : Access::read;
  const auto standing = check_standing(*known, access, reader);
  suspended = !standing && standing.error().kind == FaultKind::tenant_suspended;
  if (!standing && !suspended) return refused(standing.error());
  if (const auto proved = check_possession(*known, presented, request); !proved) return refused(proved.error());
  return known;
}

Authentication Authenticator::authenticate(const Request& request, const Match& match, TokenCache& cache,
                                           Reader& reader) {
  bool suspended = false;
  auto known = prove(request, match, cache, reader, suspended);
  if (!known) return {.known = nullptr, .rate = {}, .refusal = std::move(known).error()};
  const auto rate = (*known)->gate->admit(clock_.tick());
  if (!rate) return {.known = *known, .rate = {}, .waiting = *known};
  return conclude(*known, suspended, *rate, request, match);
}

Authentication Authenticator::resume(std::shared_ptr<KnownToken> waiting, const RateDecision& rate,
                                     const Request& request, const Match& match, Reader& reader) {
  const auto standing = check_standing(*waiting, is_change(*match.route) ? Access::change : Access::read, reader);
  const bool suspended = !standing && standing.error().kind == FaultKind::tenant_suspended;
  if (!standing && !suspended) {
    return {.known = nullptr, .rate = {}, .refusal = refusal_of(standing.error(), std::nullopt)};
  }
  return conclude(waiting, suspended, rate, request, match);
}

Authentication Authenticator::conclude(const std::shared_ptr<KnownToken>& known, bool suspended,
                                       const RateDecision& rate, const Request& request, const Match& match) const {
  if (rate.unknown) return {.known = known, .rate = {}, .refusal = rate_refusal(rate, "this tenant")};
  const auto answer = [&](std::optional<Refusal> refusal) { return Authentication{known, rate, std::move(refusal)}; };
  if (!rate.admitted) return answer(rate_refusal(rate, "this tenant"));
  if (known->session && known->session->is_browser) {
    if (auto meant = check_browser(request, *known->session, base_urls_.front()); !meant) return answer(meant.error());
  }
  note_use(*known);
  const bool is_administrator = permits(known->caller.scope, Scope::platform_admin());
  if (administrators_need_certificates_ && is_administrator && !request.has_client_certificate) {
    return answer(Refusal{Code::forbidden, "client_certificate",
                          "A platform administrator's token holds here only together with a client certificate "
                          "(TLS) of an authority that the server's operator named."});
  }
  if (const auto allowed = check_request(*known, request, match); !allowed) {
    return answer(refusal_of(allowed.error(), match.route->needs));
  }
  if (match.route->subject == Subject::own_tenant && is_platform(known->caller)) {
    return answer(
        Refusal{Code::forbidden, "tenant",
                "This call is about the token's own tenant, and a platform administrator's token has none: use "
                "one of the tenant."});
  }
  const bool is_for_devices = match.route->subject == Subject::own_device || match.route->subject == Subject::own_node;
  if (is_for_devices && known->caller.device.empty()) {
    return answer(Refusal{Code::forbidden, "device", "This call is for a device, and the token is not a device's."});
  }
  if (suspended) return answer(refusal_of({FaultKind::tenant_suspended, "tenant_suspended"}, std::nullopt));
  return answer(std::nullopt);
}

Result<std::shared_ptr<const KnownToken>> Authenticator::inspect(std::string_view credential, const std::string& peer,
                                                                 TokenCache& cache, Reader& reader) {
  if (credential.size() > credential_bytes_max) {
    return std::unexpected(refusal_of({FaultKind::token, "token_too_large"}, std::nullopt));
  }
  auto known = TRY(find(credential, peer, cache, reader));
  if (known->session && known->session->is_browser) {
    return std::unexpected(refusal_of({FaultKind::token, "session_form"}, std::nullopt));
  }
  // What a service may do with a token is not known here, so a suspended tenant's is refused as for a change.
  if (const auto standing = check_standing(*known, Access::change, reader); !standing) {
    return std::unexpected(Refusal{Code::unauthenticated, standing.error().reason, "The token does not hold."});
  }
  return std::shared_ptr<const KnownToken>(std::move(known));
}

Checked<std::shared_ptr<const KnownToken>> Authenticator::assess(std::string_view credential, TokenCache& cache,
                                                                 Reader& reader) {
  const Digest digest = sha256(credential);
  auto known = recall(digest, cache);
  if (known == nullptr) known = TRY(learn(credential, digest, cache, reader));
  TRY(check_standing(*known, Access::change, reader));
  return std::shared_ptr<const KnownToken>(std::move(known));
}

Checked<void> Authenticator::reassess(const Request& request, TokenCache& cache, Reader& reader) {
  const auto offered = TRY(decode_offer(request));
  const Digest digest = sha256(offered.presented.credential);
  auto known = recall(digest, cache);
  if (known == nullptr) known = TRY(learn(offered.presented.credential, digest, cache, reader));
  return check_standing(*known, Access::read, reader);
}

std::optional<VerifiedToken> Authenticator::identify(std::string_view credential) const {
  auto token = identify_token(credential, rules_, keys(), admitted_);
  return token ? std::optional(*std::move(token)) : std::nullopt;
}

Refusal rate_refusal(const RateDecision& rate, std::string_view whose) {
  if (rate.unknown) {
    return {.code = Code::unavailable,
            .subject = "rate",
            .detail = "How many requests are left cannot be asked now; nothing was done.",
            .retry_after_s = rate.retry_after_s};
  }
  return {.code = Code::rate_limited,
          .subject = "rate",
          .detail = fmt::format("{} requests a minute are allowed to {}; repeat in {} s.", rate.limit, whose,
                                rate.retry_after_s),
          .retry_after_s = rate.retry_after_s};
}

Refusal refusal_of(const TokenFault& fault, const std::optional<Scope>& needed) {
  switch (fault.kind) {
    case FaultKind::proof:
      return {Code::unauthenticated, std::string(proof_mark) + fault.reason,
              fmt::format("The proof of possession was refused: {}.", fault.reason)};
    case FaultKind::token:
      return {Code::unauthenticated, fault.reason,
              fault.reason == "missing_credentials" ? "Send a token: Authorization: Bearer <token>."
              : fault.reason == "session_ended"
                  ? "The session is over, or there never was one: open another with its token."
                  : fmt::format("The token was refused: {}.", fault.reason)};
    case FaultKind::tenant_suspended:
      return {Code::tenant_suspended, "tenant",
              "The tenant is suspended: reads work, changes do not until the operator resumes it."};
    case FaultKind::tenant_mismatch:
      return {Code::tenant_mismatch, "tenant", "The token belongs to another tenant than the request names."};
    case FaultKind::insufficient_scope:
      return {Code::insufficient_scope, "scope",
              fmt::format("This call needs a token of scope {} or above.", needed ? needed->text() : "")};
    case FaultKind::caveat_denied:
      return {Code::caveat_denied, fault.reason,
              fmt::format("A caveat of the token excludes this request: {}.", fault.reason)};
    case FaultKind::unavailable:
      return {Code::unavailable, fault.reason,
              "Whether the token still holds cannot be asked now; nothing was granted."};
  }
  std::unreachable();
}

}  // namespace cadastre::http

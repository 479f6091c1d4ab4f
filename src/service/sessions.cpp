#include "service/sessions.h"

#include <fmt/format.h>

#include <algorithm>

#include "service/events.h"
#include "service/revocations.h"
#include "service/seen_tokens.h"
#include "service/session_token.h"
#include "service/tokens.h"
#include "token/session_proof.h"

namespace cadastre {
namespace {

constexpr std::chrono::seconds tombstone_margin{300};  // TOKENS.md section 8
constexpr std::size_t page_size = 1000;

/// Whether nobody has the key of the caller's token: a local command drew and dropped it.
bool has_dropped_key(Reader& reader, const Caller& caller) {
  if (!is_platform(caller)) return false;
  const auto own = reader.token_by_rid(caller.tenant, caller.rids[caller.elements - 1]);
  return own && own->issued_by.empty();
}

Result<void> admit_opening(Reader& reader, const Caller& caller) {
  if (caller.session) {
    return refuse(Code::forbidden, "session", "A session opens no other: send the token that it was opened with.");
  }
  if (has_dropped_key(reader, caller)) {
    return refuse(
        Code::forbidden, "token",
        "This token was made on the server, and its key was dropped: nobody can sign for it. Issue a token of "
        "service:platform-admin for a key of yours (POST /v1/tokens) and open the session with that.");
  }
  if (caller.requires_pop || !caller.device.empty()) {
    return refuse(Code::forbidden, "pop",
                  "This token demands a proof of its key with every request, which a session could not give: sessions "
                  "are for tokens without require_pop.");
  }
  const auto tenant = reader.tenant(caller.tenant);
  if (!tenant) return refuse(Code::not_found, "tenant", "There is no such tenant.");
  return admit_change(*tenant);
}

std::unexpected<Refusal> unknown_session() { return refuse(Code::not_found, "session", "There is no such session."); }

std::unexpected<Refusal> wrong_proof(const std::string& reason) {
  return refuse_member("proof", fmt::format("does not hold: {}", reason));
}

/// The open challenge of that nonce; it was handed to the caller's token.
Result<Challenge> open_challenge(Reader& reader, const Caller& caller, const Bytes<32>& nonce, Instant now) {
  const auto found = reader.challenge(caller.tenant, sha256(ByteView(nonce)));
  const bool is_callers = found && found->kind == ChallengeKind::session && found->subject_key == caller.subject_key &&
                          found->created_by == caller.token_id;
  if (!is_callers || now >= found->expires_at) {
    return wrong_proof("its nonce is of no open challenge of this token; ask for another");
  }
  return *found;
}

/// Another wrong proof of the challenge: after the last one it is gone.
void count_wrong_proof(Tx& tx, Challenge challenge) {
  ++challenge.wrong_attempts;
  if (challenge.wrong_attempts < wrong_proofs_max) {
    tx.put(challenge);
  } else {
    tx.erase_challenge(challenge.tenant, challenge.id);
  }
}

/// Every session of the namespace; there are at most `sessions_max` and what has ended meanwhile.
std::vector<Session> all_sessions(Reader& reader, const TenantId& tenant) {
  std::vector<Session> all;
  for (SessionQuery query{.after = {}, .limit = page_size};;) {
    auto page = reader.sessions(tenant, query);
    std::ranges::move(page, std::back_inserter(all));
    if (page.size() < page_size) return all;
    query.after = all.back().id;
  }
}

/// Takes the row away, with its entry.
void take_away(Tx& tx, const Session& session, std::string_view reason, Instant ended_at, Actor actor,
               std::string request_id, Instant now) {
  tx.erase_session(session.tenant, session.id);
  tx.append(session_closed(session, reason, ended_at, std::move(actor), std::move(request_id)), now);
}

void end_by_time(Tx& tx, const Session& session, Instant now) {
  const SessionEnding ending = ending_of(session);
  take_away(tx, session, name_of(ending.how), ending.at, {.kind = "system"}, "", now);
}

/// Its token is lost: for that reason, unless its time was over before.
void end_lost(Tx& tx, const Session& session, std::string_view reason, Actor actor, std::string request_id,
              Instant now) {
  if (now >= ending_of(session).at)
    end_by_time(tx, session, now);
  else
    take_away(tx, session, reason, now, std::move(actor), std::move(request_id), now);
}

/// Makes room, and refuses when there is none.
Result<void> admit_one_more(Tx& tx, const TenantId& tenant, Instant now) {
  const auto all = all_sessions(tx, tenant);
  if (all.size() < sessions_max) return {};
  std::size_t left = all.size();
  for (const Session& each : all) {
    if (now < sweep_time(each)) continue;
    end_by_time(tx, each, now);
    --left;
  }
  if (left < sessions_max) return {};
  return refuse(Code::conflict, "session",
                fmt::format("{} sessions are open, which is the most: end some of them.", sessions_max));
}

/// Whether the session is of the caller's own token, or of one that hangs below it.
bool is_own(const Caller& caller, const Session& session) {
  return std::ranges::find(session.rids, caller.rids.front()) != session.rids.end();
}

bool sees(const Caller& caller, const Session& session) {
  return permits(caller.scope, Scope::tenant_admin()) || is_own(caller, session);
}

void end_now(Tx& tx, const Caller& caller, const Session& session, Instant now) {
  tx.insert(Revocation{.tenant = session.tenant,
                       .kind = RevocationKind::token,
                       .id = session_rid(session.id),
                       .revoked_at = now,
                       .expires_at = session.expires_at + tombstone_margin});
  take_away(tx, session, "closed", now, actor_of(caller), caller.request_id, now);
}

/// A tenant's own tokens change nothing while it is suspended; the platform's do.
Result<void> admit_closing(Reader& reader, const Caller& caller, const TenantId& id) {
  const auto tenant = reader.tenant(id);
  if (!tenant || tenant->state == TenantState::deleted) {
    return refuse(Code::not_found, "tenant", "There is no such tenant.");
  }
  if (is_platform(caller)) return {};
  return admit_change(*tenant);
}

Session draw_session(Services& services, const Caller& caller, const SessionOrder& order, const SessionTimes& times,
                     Instant now) {
  Session session{.tenant = caller.tenant,
                  .token_id = caller.token_id,
                  .subject_key = caller.subject_key,
                  .scope = caller.scope.text(),
                  .label = order.label,
                  .grant = encode_grant(caller),
                  .rids = caller.rids,
                  .keys = caller.key_thumbprints,
                  .generation = caller.generation,
                  .opened_at = now,
                  .seen_at = now,
                  .expires_at = times.expires_at,
                  .idle_s = times.idle_s,
                  .peer = order.peer,
                  .is_browser = order.is_browser};
  services.random.fill(session.id);
  return session;
}

}  // namespace

Result<FreshChallenge> challenge_session(Tx& tx, Services& services, const Caller& caller) {
  TRY(admit_opening(tx, caller));
  const Instant now = services.clock.now();
  FreshChallenge fresh{.expires_at = now + session_challenge_life};
  services.random.fill(fresh.nonce);
  tx.put(Challenge{.tenant = caller.tenant,
                   .id = sha256(ByteView(fresh.nonce)),
                   .kind = ChallengeKind::session,
                   .subject_key = caller.subject_key,
                   .device = "",
                   .scope = caller.scope.text(),
                   .created_by = caller.token_id,
                   .wrong_attempts = 0,
                   .created_at = now,
                   .expires_at = fresh.expires_at});
  return fresh;
}

Result<std::variant<FreshSession, WrongProof>> open_session(Tx& tx, Services& services, const Caller& caller,
                                                            const SessionOrder& order) {
  const Instant now = services.clock.now();
  TRY(admit_opening(tx, caller));
  TRY(check_label(order.label));
  const SessionTimes times = TRY(session_times(order.idle_s, order.lifetime_s, now, caller.expires_at));
  const auto proof = decode_session_proof(order.proof);
  if (!proof) return wrong_proof(proof.error().reason);
  const Challenge challenge = TRY(open_challenge(tx, caller, proof->nonce, now));
  const SessionExpectation expected{
      .audience = services.deployment.audience, .holder = caller.subject_key, .rid = caller.rids.front()};
  if (const auto holds = check_session_proof(*proof, expected); !holds) {
    count_wrong_proof(tx, challenge);
    return WrongProof{wrong_proof(holds.error().reason).error()};
  }
  TRY(admit_one_more(tx, caller.tenant, now));
  tx.erase_challenge(challenge.tenant, challenge.id);
  FreshSession fresh{.record = draw_session(services, caller, order, times, now)};
  SessionCredential credential{.tenant = caller.tenant, .id = fresh.record.id};
  services.random.fill(credential.secret);
  fresh.record.secret_hash = sha256(ByteView(credential.secret));
  fresh.credential = credential.text();
  if (order.is_browser) {
    Bytes<32> token;
    services.random.fill(token);
    fresh.csrf_token = encode_base64url(token);
    fresh.record.csrf_hash = sha256(fresh.csrf_token);
  }
  see_links(tx, caller, now);
  tx.put(fresh.record);
  tx.append(session_opened(fresh.record, caller), now);
  return fresh;
}

Result<Session> session(Reader& reader, const Caller& caller, const TenantId& tenant, std::string_view id,
                        Instant now) {
  const auto bytes = decode_base64url(id);
  const auto session_id = bytes ? exactly<16>(*bytes) : std::nullopt;
  auto found = session_id ? reader.session(tenant, *session_id) : std::nullopt;
  if (!found || has_ended(*found, now) || !sees(caller, *found)) return unknown_session();
  return *std::move(found);
}

Result<std::vector<Session>> sessions(Reader& reader, const Caller& caller, const TenantId& tenant,
                                      const SessionQuery& query, Instant now) {
  const auto row = reader.tenant(tenant);
  if (!row || row->state == TenantState::deleted) {
    return refuse(Code::not_found, "tenant", "There is no such tenant.");
  }
  std::vector<Session> seen;
  for (SessionQuery next{.after = query.after, .limit = page_size};;) {
    const auto page = reader.sessions(tenant, next);
    for (const Session& each : page) {
      if (!has_ended(each, now) && sees(caller, each)) seen.push_back(each);
      if (seen.size() == query.limit) return seen;
    }
    if (page.size() < page_size) return seen;
    next.after = page.back().id;
  }
}

Result<void> close_session(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                           std::string_view id) {
  const Instant now = services.clock.now();
  TRY(admit_closing(tx, caller, tenant));
  const auto found = TRY(session(tx, caller, tenant, id, now));
  TRY(admit_revocation(caller, tenant, found.rids));
  end_now(tx, caller, found, now);
  return {};
}

Result<std::int64_t> close_sessions(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant) {
  const Instant now = services.clock.now();
  TRY(admit_closing(tx, caller, tenant));
  std::int64_t closed = 0;
  for (const Session& each : all_sessions(tx, tenant)) {
    if (has_ended(each, now) || !sees(caller, each) || !admit_revocation(caller, tenant, each.rids)) continue;
    end_now(tx, caller, each, now);
    ++closed;
  }
  return closed;
}

void drop_sessions(Tx& tx, const Caller& caller, const TenantId& tenant, std::string_view reason, Instant now,
                   const std::function<bool(const Session&)>& has_lost) {
  for (const Session& each : all_sessions(tx, tenant)) {
    if (has_lost(each)) end_lost(tx, each, reason, actor_of(caller), caller.request_id, now);
  }
}

bool drop_lost_session(Tx& tx, const TenantId& tenant, const SessionId& id, Instant now) {
  const auto found = tx.session(tenant, id);
  if (!found) return false;
  end_lost(tx, *found, "token_revoked", {.kind = "system"}, "", now);
  return true;
}

bool sweep_session(Tx& tx, const TenantId& tenant, const SessionId& id, Instant now) {
  const auto found = tx.session(tenant, id);
  if (!found || now < sweep_time(*found)) return false;
  end_by_time(tx, *found, now);
  return true;
}

bool note_session_use(Tx& tx, const TenantId& tenant, const SessionId& id, Instant at) {
  auto found = tx.session(tenant, id);
  if (!found || at <= found->seen_at) return false;
  found->seen_at = at;
  tx.put(*found);
  return true;
}

}  // namespace cadastre

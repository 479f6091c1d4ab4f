#include "service/devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "crypto/sha256.h"
#include "service/caveat_charges.h"
#include "service/events.h"
#include "service/revocations.h"
#include "token/key_text.h"

namespace cadastre {
namespace {

std::unexpected<Refusal> refuse_proof(std::string reason) {
  std::string detail = fmt::format("The proof was refused: {}.", reason);
  return refuse(Code::unauthenticated, std::move(reason), std::move(detail));
}

std::unexpected<Refusal> refuse_nonce() { return refuse_proof("enrol_nonce_unknown"); }

Result<void> admit_scope(const Services& services, const Caller& caller, const Scope& scope) {
  if (permits(scope, Scope::tenant_admin())) {
    return refuse_member("scope", "must be less than service:tenant-admin: a device administers nothing");
  }
  if (may_delegate(caller.scope, scope, services.deployment.delegable_services)) return {};
  return refuse(Code::insufficient_scope, "scope",
                fmt::format("A token of scope {} cannot hand out {}.", caller.scope.text(), scope.text()));
}

/// The tenant, when it may be changed now.
Result<Tenant> enrolling_tenant(Reader& reader, const TenantId& id) {
  auto tenant = reader.tenant(id);
  if (!tenant) return refuse(Code::not_found, "tenant", "There is no such tenant.");
  TRY(admit_change(*tenant));
  return *std::move(tenant);
}

/// The device's id is free or its own, and its key is good for a token.
Result<void> admit_key(Reader& reader, const TenantId& tenant, std::string_view id, const PublicKey& key) {
  if (reader.is_revoked(tenant, RevocationKind::key, thumbprint(key))) {
    return refuse(Code::conflict, "subject_pubkey", "The key is revoked: the device needs a new one.");
  }
  const auto known = reader.device(tenant, id);
  if (!known || known->subject_key == key) return {};
  return refuse(Code::conflict, "device_id",
                "There is a device of this id with another key: remove it first, or choose another id.");
}

/// Whether the token under which a challenge was made was revoked since; that it expired does not matter.
bool is_ended(Reader& reader, const TenantId& tenant, std::string_view by) {
  const auto bytes = decode_base64url(by);
  for (const TenantId& place : {tenant, TenantId::platform()}) {
    if (const auto id = bytes ? exactly<16>(*bytes) : std::nullopt) {
      const auto made_under = reader.token(place, *id);
      if (made_under && !readmit(reader, holder_of(reader, *made_under), made_under->issued_at)) return true;
    }
    const auto rid = bytes ? exactly<32>(*bytes) : std::nullopt;
    if (rid && reader.is_revoked(place, RevocationKind::token, *rid)) return true;
  }
  return false;
}

DeviceChallenge draw_challenge(Services& services, Challenge record, std::chrono::seconds lifetime) {
  DeviceChallenge fresh{.record = std::move(record)};
  services.random.fill(fresh.nonce);
  fresh.record.id = sha256(fresh.nonce);
  fresh.record.wrong_attempts = 0;
  fresh.record.created_at = services.clock.now();
  fresh.record.expires_at = fresh.record.created_at + lifetime;
  return fresh;
}

CountedAttempt count_attempt(Tx& tx, Challenge challenge, const TokenFault& fault) {
  ++challenge.wrong_attempts;
  if (challenge.wrong_attempts < wrong_attempts_max) {
    tx.put(challenge);
  } else {
    tx.erase_challenge(challenge.tenant, challenge.id);
  }
  return {refuse_proof(fault.reason).error()};
}

std::int64_t lifetime_of(const Services& services, std::optional<std::int64_t> asked) {
  constexpr std::int64_t usual_s = std::chrono::seconds(device_token_lifetime).count();
  return asked.value_or(std::min<std::int64_t>(usual_s, services.deployment.token_lifetime_max.count()));
}

std::optional<IssuedToken> token_of(Reader& reader, const TenantId& tenant, std::string_view text) {
  const auto bytes = decode_base64url(text);
  const auto id = bytes ? exactly<16>(*bytes) : std::nullopt;
  return id ? reader.token(tenant, *id) : std::nullopt;
}

/// The device's tokens that are not revoked yet, newest first: the one that it has, and, until that was used, the one
/// under which it was renewed.
std::vector<IssuedToken> standing_tokens(Reader& reader, const Device& device) {
  std::vector<IssuedToken> standing;
  const auto current = token_of(reader, device.tenant, device.token_id);
  if (!current) return standing;
  if (!current->revoked_at) standing.push_back(*current);
  auto before = token_of(reader, device.tenant, current->issued_by);
  if (before && before->device == device.id && !before->revoked_at) standing.push_back(*std::move(before));
  return standing;
}

void end_tokens(Tx& tx, const Caller& caller, const Device& device, Instant now) {
  for (const IssuedToken& token : standing_tokens(tx, device)) {
    mark_ended(tx, caller, token, now);
    tx.append(token_revoked(token, caller), now);
  }
}

void end_for(Tx& tx, const Caller& caller, const IssuedToken& token, const IssuedToken& successor, Instant now) {
  mark_ended(tx, caller, token, now);
  tx.append(token_revoked_for(token, successor, caller), now);
}

/// Writes down a token of the device's that is signed already, in the place of those that it has. The one of the id
/// `renewed`, if any, ends only when the new one is used: should the answer be lost, the device has that one still.
EnrolledDevice give_token(Tx& tx, const Caller& caller, Device device, FreshToken fresh, std::string_view renewed,
                          Instant now) {
  std::optional<IssuedToken> before;
  for (const IssuedToken& token : standing_tokens(tx, device)) {
    const bool is_renewed = encode_base64url(token.id) == renewed;
    if (!is_renewed) end_for(tx, caller, token, fresh.record, now);
    if (is_renewed || !before) before = token;
  }
  device.token_id = encode_base64url(fresh.record.id);
  device.renewed_at = now;
  tx.put(device);
  tx.insert(fresh.record);
  tx.append(before ? token_issued_for(*before, fresh.record, caller)
                   : token_issued(fresh.record, actor_of(caller), caller.request_id),
            now);
  return {.device = std::move(device), .token = std::move(fresh)};
}

/// The device as a right proof leaves it, before it has a token.
Device enrolled_from(const Challenge& challenge, const std::optional<Device>& known, Instant now) {
  const bool waits = challenge.kind == ChallengeKind::reviewed_enrolment;
  return {.tenant = challenge.tenant,
          .id = challenge.device,
          .subject_key = challenge.subject_key,
          .state = waits ? DeviceState::pending : DeviceState::enrolled,
          .scope = challenge.scope,
          .token_id = known ? known->token_id : std::string(),
          .enrolled_at = now,
          .enrolled_by = challenge.created_by,
          .approved_at = std::nullopt,
          .approved_by = {},
          .renewed_at = now,
          .revision = known ? known->revision + 1 : 1};
}

/// The device waits for an administrator, with a nonce for the time after.
EnrolledDevice put_on_hold(Tx& tx, Services& services, const Caller& prover, const Challenge& challenge, Device device,
                           Instant now) {
  end_tokens(tx, prover, device, now);
  device.token_id.clear();
  tx.put(device);
  Challenge next = challenge;
  next.kind = ChallengeKind::collection;
  auto collection = draw_challenge(services, std::move(next), collection_lifetime);
  tx.put(collection.record);
  return {.device = std::move(device), .collection = std::move(collection)};
}

Result<EnrolledDevice> enrol(Tx& tx, Services& services, const Caller& prover, const Challenge& challenge,
                             std::int64_t expires_in_s, Instant now) {
  Device enrolled = enrolled_from(challenge, tx.device(challenge.tenant, challenge.device), now);
  auto planned = TRY(plan_device_token(tx, services, enrolled, challenge.created_by, expires_in_s, now));
  auto fresh = TRY(sign_token(services, std::move(planned)));
  tx.erase_challenge(challenge.tenant, challenge.id);
  tx.append(device_enrolled(enrolled, actor_of(prover), prover.request_id), now);
  if (enrolled.state == DeviceState::pending) {
    return put_on_hold(tx, services, prover, challenge, std::move(enrolled), now);
  }
  return give_token(tx, prover, std::move(enrolled), std::move(fresh), "", now);
}

/// A device that was approved of gets its token; one that was not is told to come again.
Result<EnrolledDevice> collect(Tx& tx, Services& services, const Caller& prover, const Challenge& challenge,
                               const EnrolmentProof& proof, std::int64_t expires_in_s, Instant now) {
  auto known = tx.device(challenge.tenant, challenge.device);
  if (!known) return refuse_nonce();
  if (known->state == DeviceState::pending) {
    return EnrolledDevice{.device = *std::move(known), .collection = DeviceChallenge{challenge, proof.nonce}};
  }
  auto planned = TRY(plan_device_token(tx, services, *known, challenge.created_by, expires_in_s, now));
  auto fresh = TRY(sign_token(services, std::move(planned)));
  tx.erase_challenge(challenge.tenant, challenge.id);
  ++known->revision;
  return give_token(tx, prover, *std::move(known), std::move(fresh), "", now);
}

/// The tokens that stand above a token or link, as far as they are known: itself first.
std::vector<std::pair<RevocationId, std::optional<PublicKey>>> line_of(Reader& reader, const TenantId& tenant,
                                                                       std::string_view by) {
  std::vector<std::pair<RevocationId, std::optional<PublicKey>>> line;
  const auto bytes = decode_base64url(by);
  const auto add = [&](const TenantId& place, const RevocationId& rid) {
    const auto element = reader.token_by_rid(place, rid);
    line.emplace_back(rid, element ? std::optional(element->subject_key) : std::nullopt);
  };
  for (const TenantId& place : {tenant, TenantId::platform()}) {
    const auto id = bytes ? exactly<16>(*bytes) : std::nullopt;
    if (const auto token = id ? reader.token(place, *id) : std::nullopt) {
      for (const RevocationId& rid : rids_of(*token)) add(place, rid);
    }
    const auto rid = bytes ? exactly<32>(*bytes) : std::nullopt;
    if (!rid) continue;
    line.emplace_back(*rid, std::nullopt);
    if (const auto link = reader.link(place, *rid)) {
      line.back().second = link->subject_key;
      add(place, link->parent);
      add(place, link->root);
    }
  }
  return line;
}

bool concerns(Reader& reader, const Revoked& revoked, const Device& device) {
  if (revoked.all) return true;
  if (revoked.key == device.subject_key) return true;
  for (const std::string& by : {device.enrolled_by, device.approved_by}) {
    const auto line = line_of(reader, device.tenant, by);
    const auto is_it = [&](const auto& each) {
      return revoked.rid == each.first || (revoked.key && revoked.key == each.second);
    };
    if (std::ranges::any_of(line, is_it)) return true;
  }
  return false;
}

void forget(Tx& tx, Services& services, const Caller& caller, const Device& device) {
  const Instant now = services.clock.now();
  tx.append(device_removed(device, caller), now);
  end_tokens(tx, caller, device, now);
  tx.erase_device(device.tenant, device.id);
}

}  // namespace

Result<DeviceChallenge> challenge_device(Tx& tx, Services& services, const Caller& caller,
                                         const ChallengeOrder& order) {
  TRY(check_device_id(order.device));
  TRY(admit_scope(services, caller, order.scope));
  if (is_counted(caller)) {
    return refuse(Code::forbidden, "caveats",
                  "The token is bound by a quota, rpm or uses caveat, and a device's would not be: use one without.");
  }
  TRY(enrolling_tenant(tx, order.tenant));
  TRY(admit_key(tx, order.tenant, order.device, order.subject_key));
  auto fresh =
      draw_challenge(services,
                     {.tenant = order.tenant,
                      .kind = order.needs_approval ? ChallengeKind::reviewed_enrolment : ChallengeKind::enrolment,
                      .subject_key = order.subject_key,
                      .device = order.device,
                      .scope = order.scope.text(),
                      .created_by = caller.token_id},
                     challenge_lifetime);
  tx.put(fresh.record);
  return fresh;
}

Result<Challenge> awaited_challenge(Reader& reader, const TenantId& tenant, const Bytes<32>& nonce, Instant now) {
  auto challenge = reader.challenge(tenant, sha256(nonce));
  if (!challenge || challenge->kind == ChallengeKind::session || now >= challenge->expires_at) return refuse_nonce();
  return *std::move(challenge);
}

Result<std::variant<EnrolledDevice, CountedAttempt>> enrol_device(Tx& tx, Services& services, const Caller& prover,
                                                                  const EnrolmentProof& proof,
                                                                  std::optional<std::int64_t> expires_in_s) {
  using Outcome = std::variant<EnrolledDevice, CountedAttempt>;
  const Instant now = services.clock.now();
  const auto challenge = TRY(awaited_challenge(tx, prover.tenant, proof.nonce, now));
  const auto checked = check_enrolment_proof(proof, {.key = challenge.subject_key,
                                                     .audience = services.deployment.audience,
                                                     .tenant = prover.tenant.text(),
                                                     .device = challenge.device});
  if (!checked) return Outcome(count_attempt(tx, challenge, checked.error()));
  if (is_ended(tx, prover.tenant, challenge.created_by)) return refuse_nonce();
  TRY(enrolling_tenant(tx, prover.tenant));
  TRY(admit_key(tx, prover.tenant, challenge.device, challenge.subject_key));
  const std::int64_t lifetime_s = lifetime_of(services, expires_in_s);
  if (challenge.kind == ChallengeKind::collection) {
    return Outcome(TRY(collect(tx, services, prover, challenge, proof, lifetime_s, now)));
  }
  return Outcome(TRY(enrol(tx, services, prover, challenge, lifetime_s, now)));
}

Result<Device> approve_device(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                              std::string_view id, std::string_view fingerprint) {
  TRY(enrolling_tenant(tx, tenant));
  auto known = TRY(device(tx, tenant, id));
  if (fingerprint != fingerprint_of(known.subject_key)) {
    return refuse_member("fingerprint", "is not that of the device's key: do not approve, and find out whose it is");
  }
  if (known.state == DeviceState::enrolled) return known;
  const Instant now = services.clock.now();
  known.state = DeviceState::enrolled;
  known.approved_at = now;
  known.approved_by = caller.token_id;
  ++known.revision;
  tx.put(known);
  tx.append(device_enrolled(known, actor_of(caller), caller.request_id), now);
  return known;
}

Result<EnrolledDevice> renew_device(Tx& tx, Services& services, const Caller& caller,
                                    std::optional<std::int64_t> expires_in_s) {
  const Instant now = services.clock.now();
  auto own = TRY(device(tx, caller.tenant, caller.device));
  ++own.revision;
  auto planned = TRY(plan_device_token(tx, services, own, caller.token_id, lifetime_of(services, expires_in_s), now));
  auto fresh = TRY(sign_token(services, std::move(planned)));
  return give_token(tx, caller, std::move(own), std::move(fresh), caller.token_id, now);
}

void end_renewed_token(Tx& tx, const Caller& caller, Instant at) {
  const auto own = caller.device.empty() ? std::nullopt : tx.device(caller.tenant, caller.device);
  if (!own || own->token_id != caller.token_id) return;
  const auto standing = standing_tokens(tx, *own);
  if (standing.size() == 2) end_for(tx, caller, standing[1], standing[0], at);
}

Result<void> remove_device(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                           std::string_view id, const Precondition& if_match) {
  const auto known = TRY(device(tx, tenant, id));
  if (!if_match.holds(known.revision)) {
    return refuse(Code::precondition_failed, "If-Match", "The device has changed since: read it again and repeat.");
  }
  forget(tx, services, caller, known);
  return {};
}

void remove_devices_of(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                       const Revoked& revoked) {
  constexpr std::size_t page_size = 1000;
  DeviceQuery query{.after = {}, .limit = page_size};
  for (auto page = tx.devices(tenant, query); !page.empty(); page = tx.devices(tenant, query)) {
    for (const Device& each : page) {
      if (concerns(tx, revoked, each)) forget(tx, services, caller, each);
    }
    query.after = page.back().id;
  }
}

Result<Device> device(Reader& reader, const TenantId& tenant, std::string_view id) {
  auto found = reader.device(tenant, id);
  if (!found) return refuse(Code::not_found, "device", "There is no such device.");
  return *std::move(found);
}

}  // namespace cadastre

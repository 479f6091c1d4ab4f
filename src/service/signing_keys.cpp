#include "service/signing_keys.h"

#include "service/events.h"

namespace cadastre {
namespace {

SigningKey next_key(const PublicKey& key, Instant now) {
  return {.kid = kid_of(key), .key = key, .state = SigningKeyState::next, .created_at = now};
}

/// The next key, or the fresh one when there is none.
SigningKey successor(const std::vector<SigningKey>& keys, const KeyChange& change) {
  const SigningKey* const next = find_key(keys, SigningKeyState::next);
  return next != nullptr ? *next : next_key(change.fresh, change.now);
}

KeyOutcome outcome_of(RotationStep step, const SigningKey& key, const KeyChange& change) {
  return {.step = step, .kid = key.kid, .is_fresh = key.key == change.fresh};
}

KeyOutcome publish(Tx& tx, const KeyChange& change) {
  const SigningKey fresh = next_key(change.fresh, change.now);
  tx.put(fresh);
  tx.append(signing_key_changed("published", fresh.kid, "", change.actor), change.now);
  return outcome_of(RotationStep::publish, fresh, change);
}

KeyOutcome activate(Tx& tx, const std::vector<SigningKey>& keys, const KeyChange& change) {
  const SigningKey* const active = find_key(keys, SigningKeyState::active);
  const SigningKey next = activated(successor(keys, change), change.now);
  if (active != nullptr) tx.put(retired(*active, change.now, change.longest_life));
  tx.put(next);
  tx.append(signing_key_changed("activated", next.kid, active == nullptr ? "" : active->kid, change.actor), change.now);
  return outcome_of(RotationStep::activate, next, change);
}

KeyOutcome take(Tx& tx, const std::vector<SigningKey>& keys, const KeyChange& change, RotationStep step) {
  switch (step) {
    case RotationStep::none: return {};
    case RotationStep::publish: return publish(tx, change);
    case RotationStep::activate: return activate(tx, keys, change);
  }
  std::unreachable();
}

}  // namespace

std::vector<SigningKey> locked_signing_keys(Tx& tx) {
  tx.tenant(TenantId::platform());  // whose row everybody locks who changes a key
  return tx.signing_keys();
}

SigningKey first_signing_key(const PublicKey& key, Instant now) { return activated(next_key(key, now), now); }

void import_signing_key(Tx& tx, const SigningKey& first) {
  if (locked_signing_keys(tx).empty()) tx.put(first);
}

void replace_signing_key(Tx& tx, const PublicKey& key, const KeyChange& change) {
  const auto keys = locked_signing_keys(tx);
  const SigningKey* const active = find_key(keys, SigningKeyState::active);
  if (find_key(keys, kid_of(key)) != nullptr) return;
  if (active != nullptr) {
    tx.put(revoked(*active, change.now));
    tx.append(signing_key_changed("revoked", active->kid, active->kid, change.actor), change.now);
  }
  const SigningKey fresh = activated(next_key(key, change.now), change.now);
  tx.put(fresh);
  tx.append(signing_key_changed("activated", fresh.kid, active == nullptr ? "" : active->kid, change.actor),
            change.now);
}

Result<KeyOutcome> rotate_signing_key(Tx& tx, const KeyChange& change, Patience patience) {
  const auto keys = locked_signing_keys(tx);
  return take(tx, keys, change, TRY(step_by_command(keys, change.now, patience)));
}

Result<KeyOutcome> rotate_signing_key_by_age(Tx& tx, const KeyChange& change, std::chrono::days period) {
  const auto keys = locked_signing_keys(tx);
  for (SigningKey key : keys) {
    if (!is_over(key, change.now)) continue;
    key.state = SigningKeyState::gone;
    tx.put(key);
  }
  return take(tx, keys, change, step_by_age(keys, change.now, period));
}

Result<KeyOutcome> revoke_signing_key(Tx& tx, const KeyChange& change, std::string_view kid) {
  const auto keys = locked_signing_keys(tx);
  const SigningKey* const key = find_key(keys, kid);
  if (key == nullptr) return refuse(Code::not_found, "kid", "there is no key of that kid");
  if (key->state == SigningKeyState::revoked || key->state == SigningKeyState::gone) {
    return refuse(Code::conflict, "kid", "the key signs and verifies nothing any more");
  }
  tx.put(revoked(*key, change.now));
  const SigningKey* const active = find_key(keys, SigningKeyState::active);
  tx.append(signing_key_changed("revoked", kid, active == nullptr ? "" : active->kid, change.actor), change.now);
  if (key != active) return KeyOutcome{};
  const SigningKey next = activated(successor(keys, change), change.now);
  tx.put(next);
  tx.append(signing_key_changed("activated", next.kid, kid, change.actor), change.now);
  return outcome_of(RotationStep::activate, next, change);
}

}  // namespace cadastre

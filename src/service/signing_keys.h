// The verbs about issuer keys: import, rotate, revoke, forget. What they change is the platform's, and so is the ledger
// they write to.
#pragma once

#include <string>
#include <vector>

#include "domain/event.h"
#include "domain/key_rotation.h"
#include "service/services.h"

namespace cadastre {

/// What an order about keys needs to be told.
struct KeyChange {
  Instant now;
  PublicKey fresh{};  ///< Of a key just made, in case one is needed; its private half is kept already.
  std::chrono::seconds longest_life{0};  ///< Of a token.
  Actor actor;
};

/// What was done.
struct KeyOutcome {
  RotationStep step = RotationStep::none;
  std::string kid;        ///< Of the key that is next or active now.
  bool is_fresh = false;  ///< Whether it is the fresh one.
};

/// Every verb below runs in a transaction of the platform. The keys as they are, once nobody else can change them.
std::vector<SigningKey> locked_signing_keys(Tx& tx);

/// What a deployment begins with: an active key.
SigningKey first_signing_key(const PublicKey& key, Instant now);
/// Registers it where no key is registered yet; otherwise nothing changes.
void import_signing_key(Tx& tx, const SigningKey& first);
/// The key, which the register does not know, was put in the place of the active one by hand: that one is revoked.
/// Otherwise nothing changes.
void replace_signing_key(Tx& tx, const PublicKey& key, const KeyChange& change);
/// Publishes the next key, or activates it. Refuses as `step_by_command`.
Result<KeyOutcome> rotate_signing_key(Tx& tx, const KeyChange& change, Patience patience);
/// What age asks for, and forgets keys whose last token has expired.
Result<KeyOutcome> rotate_signing_key_by_age(Tx& tx, const KeyChange& change, std::chrono::days period);
/// Ends a key, and every token it signed, for ever. When it was active the next one signs, or the fresh one. Refuses
/// with `not_found` and, where it is gone or revoked, `conflict`.
Result<KeyOutcome> revoke_signing_key(Tx& tx, const KeyChange& change, std::string_view kid);

}  // namespace cadastre

// The verb about the keys of the logs: rotate (LEDGER.md section 1).
#pragma once

#include <string>

#include "crypto/ed25519.h"
#include "domain/event.h"
#include "service/ports.h"

namespace cadastre {

/// Gives the log its next key; the tenant's record has the new `vkey` from then on, and both its own log and the
/// platform's say so. Every checkpoint that is published already has the new key's signature, and those to come have
/// the old key's too, until the next rotation. To run in a transaction of the tenant that changes the platform too.
/// Answers the new `vkey`. Refuses with `not_found`; with `conflict` a deleted tenant's log, one whose last checkpoint
/// is not signed by the next key yet, and more rotations than `log_key_epochs_max`.
Result<std::string> rotate_ledger_key(Tx& tx, const Bytes<32>& master_seed, const TenantId& tenant, const Actor& actor,
                                      Instant now);

}  // namespace cadastre

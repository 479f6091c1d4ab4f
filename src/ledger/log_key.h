// The name and the key of each log (LEDGER.md section 1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/ed25519.h"
#include "domain/tenant_id.h"
#include "ledger/note.h"

namespace cadastre::ledger {

/// `<host>/ledger/<tenant_id>`, the platform's `<host>/ledger`: the checkpoint origin and the key name.
std::string log_origin(std::string_view host, const TenantId& tenant);

/// The signing key of a log: the seed is HKDF-SHA-256(secret = `master_seed`, no salt,
/// info = origin || 0x0A || epoch in decimal). An origin has no newline, so no two logs or epochs share an info.
PrivateKey log_key(const Bytes<32>& master_seed, std::string_view origin, std::uint32_t epoch);

/// The key that verifies what `log_key` signs under `origin`. Requires that the origin is a key name.
VerifierKey log_verifier(std::string_view origin, const PrivateKey& key);

}  // namespace cadastre::ledger

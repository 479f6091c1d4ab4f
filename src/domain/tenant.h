// A tenant: who it is, what it may use, what it uses.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "domain/quota.h"
#include "domain/tenant_id.h"

namespace cadastre {

enum class TenantState { active, suspended, deleted };

std::string_view name_of(TenantState state);

/// The 128-bit random name of a log (LEDGER.md section 1).
using LogId = Bytes<16>;

/// One row per namespace; the platform's own has TenantId::platform().
struct Tenant {
  TenantId id;
  std::string display_name;
  TenantState state = TenantState::active;
  Quota quota;
  Usage used;
  std::int64_t generation = 1;      ///< Tokens of an older generation are refused (TOKENS.md section 4, `gen`).
  std::int64_t revision = 1;        ///< Raised by the store at every change of the row; the ETag.
  std::int64_t revocations = 0;     ///< How many revocations this namespace has ever recorded; 0 saves a look-up.
  std::int64_t access_changes = 0;  ///< How often its devices and signing keys changed: what else can end a token.
  std::int64_t node_count = 0;      ///< How many nodes it holds; 0 saves a look for room.
  LogId log_id{};
  std::string vkey;  ///< The verifier key of its ledger (C2SP signed-note).
  Instant created_at;
  Instant updated_at;
  std::string created_by;  ///< The id of the token under which it was registered.
};

/// How many changes that can end a token were ever made in this namespace: whoever knew another number asks again.
inline std::int64_t endings(const Tenant& tenant) { return tenant.revocations + tenant.access_changes; }

/// May this tenant be changed now? Refuses a suspended and a deleted one.
Result<void> admit_change(const Tenant& tenant);

/// 1 to 200 characters, no control characters. Requires UTF-8.
Result<void> check_display_name(std::string_view text);

}  // namespace cadastre

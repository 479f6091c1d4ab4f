// What every use case may hold: time, chance, the deployment's names and its keys.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "crypto/ed25519.h"
#include "domain/tenant.h"
#include "service/issuer_keyring.h"
#include "token/jws.h"

namespace cadastre {

/// What makes this deployment itself; fixed when the process starts.
struct Deployment {
  std::string issuer;    ///< `iss` of the tokens: the public URL.
  std::string audience;  ///< `aud` of the tokens: `cadastre:<deployment>`.
  AlgorithmName token_algorithm = AlgorithmName::eddsa;
  std::string ledger_host;  ///< First part of every log's origin: `<host>/ledger/<tenant_id>`.
  std::chrono::seconds token_lifetime_max{std::chrono::days(90)};
  /// The scopes besides the tiers that a tenant's administrator may issue (TOKENS.md section 5).
  std::vector<std::string> delegable_services{"service:vm-host", "service:console"};
  /// The tenant whose nodes are offered to the VMs of all, after their own nodes; nothing: there is no shared pool.
  std::optional<TenantId> shared_pool = {};
};

/// The private keys of the process; each has one purpose (TOKENS.md section 12).
struct Keys {
  const IssuerKeyring& issuer;
  const Bytes<32>& ledger_master_seed;
};

struct Services {
  const Clock& clock;
  Random& random;
  const Deployment& deployment;
  const Keys& keys;
};

/// A log made for a namespace: its random id and the verifier key of its origin.
struct NewLog {
  LogId id{};
  std::string vkey;
};

NewLog draw_log(Services& services, const TenantId& tenant);

}  // namespace cadastre

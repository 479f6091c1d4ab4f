// The commands about keys on the server's own machine: list, rotate and revoke issuer keys, rotate the logs'.
#pragma once

#include <memory>
#include <string>

#include "first_start.h"
#include "service/signing_keys.h"
#include "settings.h"

namespace cadastre {

/// What the verbs stand on; all of it outlives them.
struct KeyDesk {
  Store& store;
  const Clock& clock;
  Random& random;
  const Deployment& deployment;
  IssuerKeyFolder& folder;
  IssuerKeyring& keyring;
  const Bytes<32>& ledger_master_seed;

  /// A change now, with a key just made and kept in case one is needed.
  KeyChange prepare(std::string_view actor_kind) const;
  /// Deletes the fresh key's file unless it is used, and lets this process know at once.
  void conclude(const KeyChange& change, const Result<KeyOutcome>& outcome) const;
};

/// Answers one line of the control socket: `{"keys":"rotate","kid":…,"now":…,"log":…}` → `{"text":…}` or `{"error":…}`.
std::string answer_keys_request(const KeyDesk& desk, const std::string& request);
/// Whether a line is for `answer_keys_request`.
bool is_keys_request(const std::string& request);

/// The subcommand: asks the running server, or does it itself when none runs. Prints what was done; answers the exit
/// code.
int run_keys(const Settings& settings);

}  // namespace cadastre

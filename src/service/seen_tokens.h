// When tokens and offline links are in use: told to the store now and then, never while a request waits.
#pragma once

#include <mutex>
#include <vector>

#include "base/lru.h"
#include "service/caller.h"
#include "service/ports.h"

namespace cadastre {

/// Keeps that the caller's links were used in its namespace; one that it had not seen yet gets its ledger entry. What
/// is issued under a link must find it in the register, so it does this in its own transaction.
void see_links(Tx& tx, const Caller& caller, Instant now);

/// Notes uses, and hands them to the store when it is told to. Every element of a credential that was accepted is seen:
/// the token at its root in the register, its links beside it. The first use of a device's new token ends the one
/// before it. Thread-safe.
class SeenTokens {
 public:
  /// How long after a use that was told the next one is: no mark is older than this while a token is in use.
  static constexpr std::chrono::hours told_every{1};

  /// Notes an accepted use of the caller's credential, unless one was noted within `told_every`, or too many wait
  /// already: then a later use is noted instead.
  void note(const Caller& caller, Instant now);
  /// Hands what waits to the store, one change for each namespace; what it does not take or cannot keep is noted again
  /// at a later use. This outlives the store's changes.
  void tell(Store& store);

 private:
  static constexpr std::size_t waiting_max = 4'096;
  static constexpr std::size_t told_max = 100'000;
  static constexpr std::size_t change_max = 100;  // uses in one change, so that it keeps nobody waiting

  struct Use {
    Caller caller;
    Instant at;
  };

  void submit(Store& store, const TenantId& tenant, std::vector<Use> uses);
  void forget(const std::vector<Use>& uses);

  std::mutex mutex_;
  std::vector<Use> waiting_;
  Lru<RevocationId, Instant, DigestHash> told_{told_max};  // by the rid of what was presented
};

}  // namespace cadastre

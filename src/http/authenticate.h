// From the credential of a request to the caller it stands for, or the refusal (TOKENS.md section 16).
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/lru.h"
#include "http/address_limiter.h"
#include "http/message.h"
#include "http/routes.h"
#include "service/issuer_keyring.h"
#include "service/session_token.h"
#include "service/tenant_gates.h"
#include "token/proof.h"
#include "token/verify.h"

namespace cadastre::http {

/// A namespace in which something of a token can be revoked.
struct WatchedNamespace {
  std::shared_ptr<TenantGate> gate;
  std::int64_t revocations_seen = -1;  ///< The gate's count when the token was last looked up.
};

/// A credential verified before, with what every use of it needs again.
struct KnownToken {
  VerifiedToken token;
  Caller caller;                          ///< Without a request id.
  std::shared_ptr<TenantGate> gate;       ///< Of the namespace it acts in: its rate, its state.
  std::shared_ptr<TenantGate> home;       ///< Of the namespace whose generation counts.
  std::vector<WatchedNamespace> watched;  ///< `namespaces_of` the caller.
  Instant verified_at;
  mutable Instant noted_at = {};          ///< When its I/O thread last noted that it was used.
  std::unique_ptr<Session> session = {};  ///< What it came with, when that was no token; `seen_at` as known here.
};

/// What one I/O thread keeps for itself, so that no lock is shared by reads.
struct TokenCache {
  static constexpr std::size_t tokens_max = 20'000;
  Lru<Digest, std::shared_ptr<KnownToken>, DigestHash> tokens{tokens_max};
};

/// What authentication found. `refusal` and `waiting` empty means: go on.
struct Authentication {
  std::shared_ptr<const KnownToken> known;  ///< Null when the credential does not hold.
  std::optional<RateDecision> rate;         ///< Of the tenant, once the credential holds.
  std::optional<Refusal> refusal = {};
  std::shared_ptr<KnownToken> waiting = {};  ///< The credential holds, and the store has to be asked for its rate.
};

/// What every thread shares; all of it is constant or guards itself.
class Authenticator {
 public:
  /// `base_urls`: what a proof may name before the path; the public one first.
  Authenticator(VerifierRules rules, IssuerKeyring& keyring, TenantGates& gates, Store& store, const Clock& clock,
                std::vector<std::string> base_urls, std::int64_t address_limit);

  /// From now on a platform administrator's token holds only on connections with a client certificate. To be called
  /// before the first request.
  void bind_administrators_to_certificates() { administrators_need_certificates_ = true; }

  /// Steps 1 to 13 for a route that asks for a scope; spends one request of the tenant's rate.
  Authentication authenticate(const Request& request, const Match& match, TokenCache& cache, Reader& reader);

  /// The rest of it for one that was `waiting`, once its rate is decided; on the same thread.
  Authentication resume(std::shared_ptr<KnownToken> waiting, const RateDecision& rate, const Request& request,
                        const Match& match, Reader& reader);

  /// Steps 2 to 11 for a credential in a body: what it stands for. A suspended tenant's stands for nothing.
  Result<std::shared_ptr<const KnownToken>> inspect(std::string_view credential, const std::string& peer,
                                                    TokenCache& cache, Reader& reader);

  /// The same for a caller who is known: nothing counts against an address.
  Checked<std::shared_ptr<const KnownToken>> assess(std::string_view credential, TokenCache& cache, Reader& reader);

  /// Whether the request's credential, which held once, still does; for a request that has waited.
  Checked<void> reassess(const Request& request, TokenCache& cache, Reader& reader);

  /// What a credential in a body is, whether it holds now or not; nothing when it never could. Thread-safe.
  std::optional<VerifiedToken> identify(std::string_view credential) const;

  AddressLimiter& addresses() { return addresses_; }
  /// The holders' keys that this process has examined: at the issue of a token, a device's challenge, or the first use.
  AdmittedKeys& admitted() { return admitted_; }
  /// As they are now.
  const IssuerKeys& keys() const { return keyring_.current().keys; }

 private:
  /// From the cache, when it was verified lately; else null.
  std::shared_ptr<KnownToken> recall(const Digest& digest, TokenCache& cache) const;
  /// Verifies it, or looks it up when it is a session's, and keeps it in the cache.
  Checked<std::shared_ptr<KnownToken>> learn(std::string_view credential, const Digest& digest, TokenCache& cache,
                                             Reader& reader);
  Checked<KnownToken> verify(std::string_view credential, Reader& reader);
  Checked<KnownToken> look_up(const SessionCredential& credential, Reader& reader) const;
  /// Either of the two; whatever does not hold counts against the peer.
  Result<std::shared_ptr<KnownToken>> find(std::string_view credential, const std::string& peer, TokenCache& cache,
                                           Reader& reader);
  /// Finds the gates of the namespaces that the token has to do with. False when one is unknown or deleted.
  bool watch_namespaces(KnownToken& known, Reader& reader);
  Checked<void> check_standing(KnownToken& known, Access access, Reader& reader);
  /// Whether its session goes on, when it came with one.
  Checked<void> check_session(KnownToken& known, Reader& reader) const;
  /// Lets the register know now and then that a session is used. Nobody waits for it.
  void note_use(KnownToken& known) const;
  Checked<void> check_possession(const KnownToken& known, const Presented& presented, const Request& request);
  /// Steps 1 to 12; leaves a suspended tenant to the caller, as `suspended`.
  Result<std::shared_ptr<KnownToken>> prove(const Request& request, const Match& match, TokenCache& cache,
                                            Reader& reader, bool& suspended);

  /// From the tenant's rate on.
  Authentication conclude(const std::shared_ptr<KnownToken>& known, bool suspended, const RateDecision& rate,
                          const Request& request, const Match& match) const;

  const VerifierRules rules_;
  IssuerKeyring& keyring_;
  TenantGates& gates_;
  Store& store_;
  const Clock& clock_;
  const std::vector<std::string> base_urls_;  // the public one first
  bool administrators_need_certificates_ = false;
  AddressLimiter addresses_;
  static constexpr std::size_t admitted_keys_max = 131'072;  // 4 MiB
  mutable AdmittedKeys admitted_{admitted_keys_max};
  std::mutex replay_mutex_;
  ReplayMemory replay_;
};

/// The refusal for a caller who has used up a rate, or whose rate cannot be asked.
Refusal rate_refusal(const RateDecision& rate, std::string_view whose);

/// The refusal that the wire knows for a fault; never repeats the credential.
Refusal refusal_of(const TokenFault& fault, const std::optional<Scope>& needed);

}  // namespace cadastre::http

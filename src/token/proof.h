// Proof of possession of the token's key, request by request: DPoP (RFC 9449).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/time.h"
#include "crypto/sha256.h"
#include "token/fault.h"
#include "token/verify.h"

namespace cadastre {

/// Which proofs were seen, for at least 120 s: the whole time in which one can pass as fresh (TOKENS.md section 8).
/// Bounded; not for several threads at once.
class ReplayMemory {
 public:
  enum class Answer { fresh, seen, full };

  explicit ReplayMemory(std::size_t capacity = 200'000) : capacity_(capacity) {}
  /// Remembers a proof by its digest, unless it is remembered already or there is no room. A clock that goes back
  /// forgets nothing early.
  Answer remember(const Digest& proof, Instant now);

 private:
  static constexpr std::int64_t period_s = 60;
  static constexpr std::size_t periods = 3;  // the current one and two whole ones before it

  std::size_t capacity_;
  std::int64_t current_ = 0;
  std::array<std::unordered_set<Digest, DigestHash>, periods> seen_;
};

/// What the payload of a proof says, whoever wrote it.
struct ProofClaims {
  std::string method;           ///< `htm`
  std::string url;              ///< `htu`
  std::string credential_hash;  ///< `ath`
  std::string id;               ///< `jti`
  std::int64_t issued_at_s = 0;
};

/// Reads a payload that has `ath`, `htm`, `htu`, `iat`, `jti` and nothing else but a `nonce`, which is tolerated
/// because a client may send one that it was given elsewhere (RFC 9449 section 4.2). Refuses what
/// `decode_proof_payload` refuses. Nothing in it is compared here.
Checked<ProofClaims> decode_proof_claims(std::string_view payload);

/// The request that a proof must name.
struct ProvedRequest {
  std::string_view method;
  std::string_view url;  ///< The configured public base URL followed by the raw path.
};

/// Step 12. A token that requires a proof, or came under the DPoP scheme, is let through only with one that its holder
/// made for this request. Refuses with `pop_required`, `pop_scheme`, the reasons of a malformed object, or
/// `pop_key_mismatch`, `pop_signature`, `pop_htm`, `pop_htu`, `pop_ath`, `pop_stale`, `pop_replayed`.
Checked<void> check_proof(const VerifiedToken& token, const Presented& presented, const ProvedRequest& request,
                          ReplayMemory& memory, Instant now);

/// A proof by the holder of `key` for this request under the credential, as `check_proof` wants it. `id` is drawn. The
/// query of the URL is left out.
std::string make_proof(std::string_view credential, const ProvedRequest& request, const PrivateKey& key,
                       const Bytes<16>& id, Instant now);

/// RFC 3986 section 6.2: scheme and host in lower case, no default port, no needless escapes, no query or fragment. The
/// normal form is its own normal form. Nothing when it is not an http or https URL with a host and nothing but a host
/// and port before its path, or when a `%` in its path is no escape.
std::optional<std::string> normal_url(std::string_view url);

}  // namespace cadastre

// Narrowing a token offline: the next link of a chain, or why it would not be accepted.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "crypto/ed25519.h"
#include "token/verify.h"

namespace cadastre {

constexpr std::int64_t links_max_default = 4;  // TOKENS.md section 7

constexpr std::string_view subject_help =
    "the public key of its holder: base64url, hex, JWK or OpenSSH, or @FILE with one of these or PEM";
constexpr std::string_view caveat_help = "a condition on every use, a JSON object such as {\"method\":[\"GET\"]}";

/// What the link is to allow, as the caller spells it.
struct LinkOrder {
  std::string scope;
  std::string expires_in;
  std::string tenant;
  std::vector<std::string> caveats;
  std::optional<std::int64_t> delegable_depth;  ///< The deepest link that may follow.
  bool requires_pop = false;
  std::int64_t links_max = links_max_default;
};

/// The chain with one more link, bound to `subject` and signed by `holder`. Throws Failure with the verifier's reason
/// when it would be refused, as far as that can be known without the issuer; nothing that was signed gets out then.
std::string narrow(const std::string& chain, const LinkOrder& order, const PrivateKey& holder, const PublicKey& subject,
                   Random& random, Instant now);

/// A sentence for a reason of TOKENS.md section 16; the reason itself when there is nothing to add.
std::string explained(const std::string& reason);

/// The public key that an option gives: itself, or `@FILE` with it. Throws Failure naming the flag.
PublicKey subject_key(const std::string& text, std::string_view flag = "--subject-pubkey");
/// The canonical text of caveats that were each given as a JSON object; empty for none. Throws Failure.
std::string caveats_of(const std::vector<std::string>& texts);
/// A duration such as `1h`. Throws Failure naming the flag.
std::chrono::seconds lifetime_of(const std::string& text);

}  // namespace cadastre

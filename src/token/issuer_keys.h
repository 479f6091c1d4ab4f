// The keys that sign tokens, as everybody else sees them: by kid, with their state (TOKENS.md section 12).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/ed25519.h"
#include "token/jws.h"

namespace cadastre {

enum class IssuerKeyState {
  next,     ///< Published at least 24 h before it signs.
  active,   ///< Signs and verifies.
  retired,  ///< Verifies until the last token it signed has expired.
  revoked,  ///< Every token of it fails; not published.
};

struct IssuerKey {
  std::string kid;  ///< RFC 7638 thumbprint, 43 characters.
  PublicKey key{};
  IssuerKeyState state = IssuerKeyState::active;
  friend bool operator==(const IssuerKey&, const IssuerKey&) = default;
};

/// The map from kid to key. A value: whoever changes it gives readers a new one.
class IssuerKeys {
 public:
  /// Adds the key under its thumbprint, or sets the state of one that is there.
  void put(const PublicKey& key, IssuerKeyState state);
  /// Forgets a key whose last token has expired (TOKENS.md section 12, retired to gone).
  void remove(std::string_view kid);
  /// The key of that kid, or nothing.
  const IssuerKey* find(std::string_view kid) const;
  /// The JWK set (RFC 7517 section 5): every key that is not revoked, public members only.
  std::string jwks(AlgorithmName algorithm = AlgorithmName::eddsa) const;
  friend bool operator==(const IssuerKeys&, const IssuerKeys&) = default;

 private:
  std::vector<IssuerKey> keys_;
};

/// The kid of an issuer key.
std::string kid_of(const PublicKey& key);

}  // namespace cadastre

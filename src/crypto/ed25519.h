// Ed25519 (RFC 8032) by libsodium, which refuses small-order keys and non-canonical signatures.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/random.h"

namespace cadastre {

using PublicKey = Bytes<32>;
using Signature = Bytes<64>;

/// A private key; wiped when it goes. It cannot be printed or compared.
class PrivateKey {
 public:
  /// The key pair of a 32-byte seed (RFC 8032 section 5.1.5).
  static PrivateKey from_seed(const Bytes<32>& seed);
  static PrivateKey draw(Random& random);
  PrivateKey(PrivateKey&& other) noexcept;
  PrivateKey& operator=(PrivateKey&& other) noexcept;
  PrivateKey(const PrivateKey&) = delete;
  PrivateKey& operator=(const PrivateKey&) = delete;
  ~PrivateKey();

  const PublicKey& public_key() const { return public_key_; }
  Bytes<32> seed() const;
  /// Deterministic: the same message gives the same signature.
  Signature sign(ByteView message) const;

 private:
  PrivateKey() = default;
  Bytes<64> secret_{};
  PublicKey public_key_{};
};

/// True when the signature is canonical and made by the key's holder.
bool verify(const PublicKey& key, ByteView message, const Signature& signature);

/// Key admission (TOKENS.md section 6): canonical, on the curve, of the prime-order subgroup, not of small order.
bool is_admissible(const PublicKey& key);

}  // namespace cadastre

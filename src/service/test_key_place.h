// One issuer key in memory, for tests.
#pragma once

#include <memory>
#include <utility>

#include "domain/key_rotation.h"
#include "service/issuer_keyring.h"

namespace cadastre {

/// A place with one private key, and the keyring of a deployment that signs with it.
class TestKeyPlace final : public PrivateKeyPlace {
 public:
  TestKeyPlace(const Bytes<32>& seed, const Clock& clock)
      : key_(std::make_shared<const PrivateKey>(PrivateKey::from_seed(seed))), keyring_(*this, clock, {registered()}) {}

  std::shared_ptr<const PrivateKey> find(std::string_view kid) override {
    return kid == kid_of(key_->public_key()) ? key_ : nullptr;
  }
  const PublicKey& public_key() const { return key_->public_key(); }
  IssuerKeyring& keyring() { return keyring_; }
  /// As the register has it.
  SigningKey registered() const {
    return activated({.kid = kid_of(key_->public_key()), .key = key_->public_key()}, Instant());
  }

 private:
  std::shared_ptr<const PrivateKey> key_;
  IssuerKeyring keyring_;
};

}  // namespace cadastre

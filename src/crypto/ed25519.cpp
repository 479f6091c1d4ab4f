#include "crypto/ed25519.h"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

namespace cadastre {
namespace {

/// libsodium picks its fastest code at this call; it is safe to make from several threads.
void expect_initialised() {
  static const int outcome = sodium_init();
  if (outcome < 0) throw std::runtime_error("libsodium cannot be initialised");
}

}  // namespace

PrivateKey PrivateKey::from_seed(const Bytes<32>& seed) {
  expect_initialised();
  PrivateKey key;
  if (crypto_sign_seed_keypair(key.public_key_.data(), key.secret_.data(), seed.data()) != 0) {
    throw std::runtime_error("libsodium: crypto_sign_seed_keypair failed");
  }
  return key;
}

PrivateKey PrivateKey::draw(Random& random) {
  Bytes<32> seed;
  random.fill(seed);
  PrivateKey key = from_seed(seed);
  sodium_memzero(seed.data(), seed.size());
  return key;
}

PrivateKey::PrivateKey(PrivateKey&& other) noexcept : secret_(other.secret_), public_key_(other.public_key_) {
  sodium_memzero(other.secret_.data(), other.secret_.size());
}

PrivateKey& PrivateKey::operator=(PrivateKey&& other) noexcept {
  if (this == &other) return *this;
  secret_ = other.secret_;
  public_key_ = other.public_key_;
  sodium_memzero(other.secret_.data(), other.secret_.size());
  return *this;
}

PrivateKey::~PrivateKey() { sodium_memzero(secret_.data(), secret_.size()); }

Bytes<32> PrivateKey::seed() const {
  Bytes<32> seed;
  std::copy_n(secret_.begin(), seed.size(), seed.begin());
  return seed;
}

Signature PrivateKey::sign(ByteView message) const {
  Signature signature;
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), secret_.data());
  return signature;
}

bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
  expect_initialised();
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key.data()) == 0;
}

bool is_admissible(const PublicKey& key) {
  expect_initialised();
  return crypto_core_ed25519_is_valid_point(key.data()) == 1;
}

}  // namespace cadastre

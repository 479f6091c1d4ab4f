#include "crypto/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace cadastre {
namespace {

void expect_ok(int outcome, const char* call) {
  if (outcome != 1) throw std::runtime_error(std::string("OpenSSL: ") + call + " failed");
}

/// Fetched once: an implicit fetch on each call costs more than the hash of a short leaf.
const EVP_MD* algorithm() {
  static const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> fetched(EVP_MD_fetch(nullptr, "SHA256", nullptr),
                                                                       &EVP_MD_free);
  expect_ok(fetched != nullptr, "EVP_MD_fetch");
  return fetched.get();
}

EVP_MD_CTX* context() {
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> own(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  expect_ok(own != nullptr, "EVP_MD_CTX_new");
  return own.get();
}

}  // namespace

Digest sha256(std::initializer_list<ByteView> parts) {
  Digest digest;
  EVP_MD_CTX* const hashing = context();
  expect_ok(EVP_DigestInit_ex2(hashing, algorithm(), nullptr), "EVP_DigestInit_ex2");
  for (const ByteView part : parts) expect_ok(EVP_DigestUpdate(hashing, part.data(), part.size()), "EVP_DigestUpdate");
  expect_ok(EVP_DigestFinal_ex(hashing, digest.data(), nullptr), "EVP_DigestFinal_ex");
  return digest;
}

struct Sha256Stream::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hashing{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) {
  expect_ok(context_->hashing != nullptr, "EVP_MD_CTX_new");
  expect_ok(EVP_DigestInit_ex2(context_->hashing.get(), algorithm(), nullptr), "EVP_DigestInit_ex2");
}

Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::add(ByteView bytes) {
  expect_ok(EVP_DigestUpdate(context_->hashing.get(), bytes.data(), bytes.size()), "EVP_DigestUpdate");
}

Digest Sha256Stream::finish() {
  Digest digest;
  expect_ok(EVP_DigestFinal_ex(context_->hashing.get(), digest.data(), nullptr), "EVP_DigestFinal_ex");
  return digest;
}

Digest sha256(ByteView bytes) { return sha256({bytes}); }
Digest sha256(std::string_view text) { return sha256({as_bytes(text)}); }

bool equal_in_constant_time(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Digest hmac_sha256(ByteView key, ByteView message) {
  Bytes<64> block{};
  if (key.size() > block.size()) {
    const Digest shorter = sha256(key);
    std::copy(shorter.begin(), shorter.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  Bytes<64> inner = block;
  Bytes<64> outer = block;
  for (auto& byte : inner) byte ^= 0x36U;
  for (auto& byte : outer) byte ^= 0x5cU;
  const Digest digest = sha256({inner, message});
  return sha256({outer, digest});
}

Digest hkdf_sha256(ByteView secret, ByteView salt, ByteView info) {
  const Bytes<32> no_salt{};
  const Digest key = hmac_sha256(salt.empty() ? ByteView(no_salt) : salt, secret);
  std::string block(as_text(info));
  block += '\x01';
  return hmac_sha256(key, as_bytes(block));
}

}  // namespace cadastre

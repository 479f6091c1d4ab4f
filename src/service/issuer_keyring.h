// The issuer keys as this process uses them: what verifies, and what it can sign with.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "crypto/ed25519.h"
#include "service/ports.h"
#include "token/issuer_keys.h"

namespace cadastre {

/// Where the issuer's private keys lie: in files of this machine, never in the register.
class PrivateKeyPlace {
 public:
  virtual ~PrivateKeyPlace() = default;
  /// The private key of that kid; null when it is not here. Called by one thread at a time.
  virtual std::shared_ptr<const PrivateKey> find(std::string_view kid) = 0;
};

/// The keys at one moment; it never changes.
struct IssuerKeyView {
  IssuerKeys keys;         ///< Next, active, retired and revoked.
  std::string active_kid;  ///< Empty when none is.
  std::string next_kid;    ///< Empty when none is.
  std::map<std::string, std::shared_ptr<const PrivateKey>, std::less<>> private_keys = {};

  /// What signs again what that key has signed; null when it is not here, or nothing it signed is good any more.
  const PrivateKey* private_key(std::string_view kid) const;
  /// What signs now; null when this process lacks it.
  const PrivateKey* signer() const { return private_key(active_kid); }
};

/// Follows the register. Reading takes no lock; what was read stays good as long as the keyring lives, since a key
/// changes its state a few times a year and the views before are kept.
class IssuerKeyring {
 public:
  /// Begins with the keys as the register has them. The place outlives the keyring.
  IssuerKeyring(PrivateKeyPlace& place, const Clock& clock, const std::vector<SigningKey>& keys);
  IssuerKeyring(const IssuerKeyring&) = delete;
  IssuerKeyring& operator=(const IssuerKeyring&) = delete;

  const IssuerKeyView& current() const { return *current_.load(std::memory_order_acquire); }
  /// Reads the register again. Thread-safe; throws StoreFailure.
  void refresh(Reader& reader);
  /// The same for a token whose key is not known here, but at most five times a second, whoever asks. Whether there may
  /// be news.
  bool refresh_for_stranger(Reader& reader);
  /// How long ago the register was read.
  std::chrono::nanoseconds age() const { return clock_.tick() - read_at_.load(std::memory_order_relaxed); }

 private:
  /// Under the lock.
  void read(Reader& reader);
  void take(const std::vector<SigningKey>& keys);
  IssuerKeyView view_of(const std::vector<SigningKey>& keys);
  std::shared_ptr<const PrivateKey> find_private_key(const std::string& kid);

  PrivateKeyPlace& place_;
  const Clock& clock_;
  std::mutex mutex_;
  std::deque<IssuerKeyView> views_;  // guarded by the mutex; those inside never change
  std::atomic<const IssuerKeyView*> current_ = nullptr;
  std::atomic<Tick> read_at_{};
};

}  // namespace cadastre

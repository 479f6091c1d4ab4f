// How often an address may come without a good credential.
#pragma once

#include <mutex>
#include <string>

#include "base/lru.h"
#include "domain/rate_window.h"

namespace cadastre::http {

/// At most so many requests of one address without a good credential in any 60 s. Thread-safe.
class AddressLimiter {
 public:
  explicit AddressLimiter(std::int64_t limit) : limit_(limit) {}
  /// True while the address has not used up its number; counts nothing.
  bool has_room(const std::string& address, Tick now);
  RateDecision admit(const std::string& address, Tick now);

 private:
  const std::int64_t limit_;
  std::mutex mutex_;
  Lru<std::string, RateWindow> windows_{10'000};
};

}  // namespace cadastre::http

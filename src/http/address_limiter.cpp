#include "http/address_limiter.h"

namespace cadastre::http {

bool AddressLimiter::has_room(const std::string& address, Tick now) {
  const std::scoped_lock lock(mutex_);
  RateWindow* const window = windows_.find(address);
  return window == nullptr || window->counted(now) < limit_;
}

RateDecision AddressLimiter::admit(const std::string& address, Tick now) {
  const std::scoped_lock lock(mutex_);
  RateWindow* const window = windows_.find(address);
  return (window != nullptr ? *window : windows_.put(address, RateWindow())).admit(now, limit_);
}

}  // namespace cadastre::http

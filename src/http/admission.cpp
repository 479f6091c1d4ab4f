#include "http/admission.h"

namespace cadastre::http {

bool Admission::enter(const std::string& address) {
  const std::lock_guard lock(mutex_);
  if (total_ >= total_max_) return false;
  std::size_t& here = of_address_[address];
  if (here >= per_address_max_) return false;
  ++here;
  ++total_;
  return true;
}

void Admission::leave(const std::string& address) {
  const std::lock_guard lock(mutex_);
  const auto known = of_address_.find(address);
  if (--known->second == 0) of_address_.erase(known);
  --total_;
}

}  // namespace cadastre::http

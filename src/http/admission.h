// How many connections there may be, in all and from one address.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

namespace cadastre::http {

/// Counts open connections. For several threads.
class Admission {
 public:
  Admission(std::size_t total_max, std::size_t per_address_max)
      : total_max_(total_max), per_address_max_(per_address_max) {}

  /// Counts one more connection of that address, unless it would pass a limit. `leave` gives it back.
  bool enter(const std::string& address);
  void leave(const std::string& address);

 private:
  std::size_t total_max_;
  std::size_t per_address_max_;
  std::mutex mutex_;
  std::size_t total_ = 0;
  std::unordered_map<std::string, std::size_t> of_address_;
};

}  // namespace cadastre::http

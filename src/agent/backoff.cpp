#include "agent/backoff.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace cadastre {

std::chrono::milliseconds Backoff::draw(Random& random) {
  std::array<std::uint8_t, 4> bytes{};
  random.fill(bytes);
  std::int64_t number = 0;
  for (const std::uint8_t byte : bytes) number = number * 256 + byte;
  const auto whole = next_;
  next_ = std::min(next_ * 2, limits_.most);
  return whole / 2 + std::chrono::milliseconds(number % (whole.count() - whole.count() / 2 + 1));
}

}  // namespace cadastre

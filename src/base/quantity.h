// Numbers that know their unit; sums are checked.
#pragma once

#include <compare>
#include <cstdint>

#include "base/invariant.h"

namespace cadastre {

/// A count of one unit. Sums stop the process rather than wrap: parsing bounds every value far below that (10^9).
template <class Unit>
struct Quantity {
  constexpr Quantity() = default;
  explicit constexpr Quantity(std::int64_t number) : value(number) {}
  friend constexpr auto operator<=>(Quantity, Quantity) = default;
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    Quantity sum;
    CHECK_INVARIANT(!__builtin_add_overflow(a.value, b.value, &sum.value));
    return sum;
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    Quantity difference;
    CHECK_INVARIANT(!__builtin_sub_overflow(a.value, b.value, &difference.value));
    return difference;
  }
  std::int64_t value = 0;
};

using VmCount = Quantity<struct VmCountUnit>;
using Gigabytes = Quantity<struct GigabytesUnit>;  // 10^9 bytes, as in storage_quota_gb
using Mebibytes = Quantity<struct MebibytesUnit>;  // 2^20 bytes, as in ram_mb
using VcpuCount = Quantity<struct VcpuCountUnit>;
using RequestsPerMinute = Quantity<struct RequestsPerMinuteUnit>;

}  // namespace cadastre

#include "domain/device.h"

#include <algorithm>
#include <utility>

namespace cadastre {

std::string_view name_of(DeviceState state) {
  switch (state) {
    case DeviceState::pending: return "pending";
    case DeviceState::enrolled: return "enrolled";
  }
  std::unreachable();
}

Result<void> check_device_id(std::string_view text) {
  constexpr std::size_t characters_max = 63;
  const auto is_alphanumeric = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9');
  };
  const auto allowed = [&](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; };
  if (!text.empty() && text.size() <= characters_max && is_alphanumeric(text.front()) &&
      std::ranges::all_of(text, allowed)) {
    return {};
  }
  return refuse_member("device_id",
                       "must have 1 to 63 characters of A-Z, a-z, 0-9, '.', '_' and '-', the first a letter or digit");
}

}  // namespace cadastre

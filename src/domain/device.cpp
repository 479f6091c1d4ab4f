#include "domain/device.h"

#include <utility>

namespace cadastre {

std::string_view name_of(DeviceState state) {
  switch (state) {
    case DeviceState::pending: return "pending";
    case DeviceState::enrolled: return "enrolled";
  }
  std::unreachable();
}

}  // namespace cadastre

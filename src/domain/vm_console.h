// What a guest last wrote to its serial console.
#pragma once

#include <cstddef>
#include <string>

#include "base/time.h"
#include "domain/tenant_id.h"
#include "domain/vm.h"

namespace cadastre {

constexpr std::size_t console_bytes_max = 65'536;

struct VmConsole {
  TenantId tenant;
  VmId vm;
  std::string bytes;  ///< Exactly as the guest wrote them, whatever they are; at most `console_bytes_max`.
  Instant updated_at;
};

}  // namespace cadastre

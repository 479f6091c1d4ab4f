#include "domain/tenant.h"

#include <algorithm>

namespace cadastre {

std::string_view name_of(TenantState state) {
  switch (state) {
    case TenantState::active: return "active";
    case TenantState::suspended: return "suspended";
    case TenantState::deleted: return "deleted";
  }
  std::unreachable();
}

Result<void> admit_change(const Tenant& tenant) {
  if (tenant.state == TenantState::deleted) return refuse(Code::not_found, "tenant", "There is no such tenant.");
  if (tenant.state == TenantState::active) return {};
  return refuse(Code::tenant_suspended, "tenant",
                "The tenant is suspended: reads work, changes do not until the operator resumes it.");
}

Result<void> check_display_name(std::string_view text) {
  constexpr std::size_t characters_max = 200;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  const auto characters = text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues));
  const auto refused = [](const char* rule) { return refuse_member("display_name", rule); };
  if (characters < 1 || characters > characters_max) return refused("must have 1 to 200 characters");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(text, is_control)) return refused("may not hold control characters");
  return {};
}

}  // namespace cadastre

#include "domain/tenant_id.h"

#include <algorithm>

namespace cadastre {
namespace {

constexpr std::size_t characters_max = 63;  // RFC 1035 section 2.3.4

bool is_lower(char c) { return 'a' <= c && c <= 'z'; }
bool is_upper(char c) { return 'A' <= c && c <= 'Z'; }
bool is_digit(char c) { return '0' <= c && c <= '9'; }

}  // namespace

Result<TenantId> TenantId::parse(std::string_view text) {
  const auto allowed = [](char c) { return is_lower(c) || is_digit(c) || c == '-'; };
  const auto refused = [](const char* rule) { return refuse_member("tenant_id", rule); };
  if (text.empty() || text.size() > characters_max) return refused("must have 1 to 63 characters");
  if (!std::ranges::all_of(text, allowed)) return refused("may hold only a-z, 0-9 and '-'");
  if (!is_lower(text.front()) || text.back() == '-') return refused("must start with a letter and not end with '-'");
  if (text.find("--") != std::string_view::npos) return refused("may not hold two '-' in a row");
  return TenantId(text);
}

bool is_resource_name(std::string_view text) {
  if (text.empty() || text.size() > characters_max) return false;
  const auto allowed = [](char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '-'; };
  if (!std::ranges::all_of(text, allowed)) return false;
  return text.front() != '-' && text.back() != '-' && text.find("--") == std::string_view::npos;
}

}  // namespace cadastre

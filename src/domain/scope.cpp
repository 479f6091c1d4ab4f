#include "domain/scope.h"

#include <algorithm>

namespace cadastre {
namespace {

constexpr Scope ordered[] = {Scope::read(), Scope::user(), Scope::input(), Scope::tenant_admin(),
                             Scope::platform_admin()};

bool is_letter(char c) { return 'a' <= c && c <= 'z'; }

}  // namespace

std::optional<Scope> Scope::parse_canonical(std::string_view text) {
  const auto* const known = std::ranges::find(ordered, text, &Scope::text_view);
  if (known != std::ranges::end(ordered)) return *known;
  if (!text.starts_with(service_prefix)) return std::nullopt;
  const std::string_view name = text.substr(service_prefix.size());
  const auto allowed = [](char c) { return is_letter(c) || ('0' <= c && c <= '9') || c == '-'; };
  if (name.empty() || name.size() > name_length_max || !is_letter(name.front())) return std::nullopt;
  if (!std::ranges::all_of(name, allowed)) return std::nullopt;
  return Scope(Level::other, text);
}

Result<Scope> Scope::parse(std::string_view text) {
  std::string upper(text.substr(0, name_length_max));
  for (char& c : upper) c = is_letter(c) ? static_cast<char>(c - 'a' + 'A') : c;
  for (const Scope& tier : {read(), user(), input()}) {
    if (upper == tier.text_view()) return tier;
  }
  if (const auto scope = parse_canonical(text)) return *scope;
  return refuse_member(
      "scope",
      "must be READ, USER, INPUT or service:NAME, where NAME has 1 to 63 of a-z, 0-9 and '-' and starts with a letter");
}

bool permits(const Scope& held, const Scope& needed) {
  const bool comparable = held.level_ != Scope::Level::other && needed.level_ != Scope::Level::other;
  return comparable ? held.level_ >= needed.level_ : held == needed;
}

bool may_delegate(const Scope& parent, const Scope& child, std::span<const std::string> delegable_services) {
  if (permits(parent, child)) return true;
  if (child.level_ != Scope::Level::other) return false;
  if (parent.level_ == Scope::Level::platform_admin) return true;
  return parent.level_ == Scope::Level::tenant_admin &&
         std::ranges::find(delegable_services, child.text_view()) != delegable_services.end();
}

}  // namespace cadastre

// What a token allows: exactly one scope (TOKENS.md section 5).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cadastre {

/// READ < USER < INPUT < service:tenant-admin < service:platform-admin; every other `service:` name stands alone.
class Scope {
 public:
  static constexpr Scope read() { return Scope(Level::read, "READ"); }
  static constexpr Scope user() { return Scope(Level::user, "USER"); }
  static constexpr Scope input() { return Scope(Level::input, "INPUT"); }
  static constexpr Scope tenant_admin() { return Scope(Level::tenant_admin, "service:tenant-admin"); }
  static constexpr Scope platform_admin() { return Scope(Level::platform_admin, "service:platform-admin"); }

  /// As tokens and replies carry it; nothing on any other spelling.
  static std::optional<Scope> parse_canonical(std::string_view text);
  /// As a request may write it: the three tiers in either case.
  static Result<Scope> parse(std::string_view text);

  std::string_view text_view() const { return {text_.data(), size_}; }
  std::string text() const { return std::string(text_view()); }

  /// May the holder of `held` do what asks for `needed`? True when `held` is at least `needed` in the order, or equal.
  friend bool permits(const Scope& held, const Scope& needed);
  /// May the holder of `parent` hand out `child`? Never more than it holds; a service's name to itself, by a tenant's
  /// administrator when `delegable_services` has it, and by a platform administrator always.
  friend bool may_delegate(const Scope& parent, const Scope& child, std::span<const std::string> delegable_services);
  friend bool operator==(const Scope& a, const Scope& b) { return a.text_view() == b.text_view(); }

 private:
  enum class Level : std::uint8_t { read, user, input, tenant_admin, platform_admin, other };
  static constexpr std::string_view service_prefix = "service:";
  static constexpr std::size_t name_length_max = 63;

  constexpr Scope(Level level, std::string_view text) : level_(level), size_(static_cast<std::uint8_t>(text.size())) {
    for (std::size_t i = 0; i < text.size(); ++i) text_[i] = text[i];
  }

  Level level_;
  std::uint8_t size_;
  std::array<char, service_prefix.size() + name_length_max> text_{};
};

bool permits(const Scope& held, const Scope& needed);
bool may_delegate(const Scope& parent, const Scope& child, std::span<const std::string> delegable_services);

}  // namespace cadastre

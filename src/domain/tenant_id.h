// The name of a tenant.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cadastre {

/// Names one tenant for ever. A DNS label (RFC 1035 section 2.3.1), so that it can also name a host or a directory.
class TenantId {
 public:
  /// `^[a-z][a-z0-9]*(-[a-z0-9]+)*$` with 1 to 63 characters.
  static Result<TenantId> parse(std::string_view text);
  /// The operator's own namespace: platform administrators' tokens and the platform log. Its text is empty, so nothing
  /// from outside can name it.
  static TenantId platform() { return TenantId(std::string_view()); }
  const std::string& text() const { return text_; }
  bool is_platform() const { return text_.empty(); }
  friend auto operator<=>(const TenantId&, const TenantId&) = default;

 private:
  explicit TenantId(std::string_view text) : text_(text) {}
  std::string text_;
};

/// The shape shared by `vm_type` and `name`: as a tenant id, also with upper-case letters and a digit first.
bool is_resource_name(std::string_view text);

}  // namespace cadastre

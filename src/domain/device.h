// A device of a tenant: a machine that proved its own key and holds a token bound to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "domain/tenant_id.h"

namespace cadastre {

/// Pending: the key is proved, and an administrator has yet to approve of it.
enum class DeviceState { pending, enrolled };

/// As the API spells it: `enrolled`.
std::string_view name_of(DeviceState state);

/// 1 to 63 characters of `A-Za-z0-9._-`, of which the first is a letter or digit, so that it can stand in a path.
Result<void> check_device_id(std::string_view text);

/// Belongs to the tenant, not to the administrator who enrolled it: it stays when that one's token ends. A device token
/// is good only as long as its device is here.
struct Device {
  TenantId tenant;
  std::string id;
  Bytes<32> subject_key{};
  DeviceState state = DeviceState::pending;
  std::string scope;     ///< Of its tokens.
  std::string token_id;  ///< The `jti` of its current token; empty until it has one.
  Instant enrolled_at;
  std::string enrolled_by;  ///< The id of the token under which its challenge was made.
  std::optional<Instant> approved_at;
  std::string approved_by;    ///< The id of a token; empty when nobody had to approve.
  Instant renewed_at;         ///< When its current token was issued; equal to `enrolled_at` at first.
  std::int64_t revision = 1;  ///< The ETag; raised at every change.
};

}  // namespace cadastre

#include "domain/event.h"

#include <array>

namespace cadastre {
namespace {

/// Indexed by EventType.
constexpr std::array<std::string_view, 30> names = {
    "TENANT_CREATED", "TENANT_UPDATED", "TENANT_QUOTA_CHANGED", "TENANT_SUSPENDED", "TENANT_RESUMED",
    "TENANT_DELETED", "TOKEN_ISSUED",   "TOKEN_REVOKED",        "TOKEN_LINK_SEEN",  "VM_CREATED",
    "VM_STARTED",     "VM_STOPPED",     "VM_DELETED",           "VM_STATE_CHANGED", "NODE_ENROLLED",
    "NODE_HEARTBEAT", "NODE_REMOVED",   "DEVICE_ENROLLED",      "SESSION_OPEN",     "SESSION_CLOSE",
    "KEY_ROTATED",    "CHECKPOINT",     "LEDGER_READ",          "REQUESTS_REFUSED", "DEVICE_REMOVED",
    "NODE_CORDONED",  "IMAGE_ADDED",    "IMAGE_REMOVED",        "SSH_KEY_ADDED",    "SSH_KEY_REMOVED",
};
static_assert(static_cast<std::size_t>(EventType::ssh_key_removed) + 1 == names.size());

}  // namespace

std::string_view name_of(EventType type) { return names[static_cast<std::size_t>(type)]; }

std::optional<EventType> parse_event_type(std::string_view text) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<EventType>(i);
  }
  return std::nullopt;
}

}  // namespace cadastre

// What happened: one event is one ledger leaf.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "domain/tenant_id.h"

namespace cadastre {

/// The types of DESIGN.md section 5. The numbers are stored: append, never renumber.
enum class EventType : std::uint8_t {
  tenant_created = 0,
  tenant_updated = 1,
  tenant_quota_changed = 2,
  tenant_suspended = 3,
  tenant_resumed = 4,
  tenant_deleted = 5,
  token_issued = 6,
  token_revoked = 7,
  token_link_seen = 8,
  vm_created = 9,
  vm_started = 10,
  vm_stopped = 11,
  vm_deleted = 12,
  vm_state_changed = 13,
  node_enrolled = 14,
  node_heartbeat = 15,
  node_removed = 16,
  device_enrolled = 17,
  session_open = 18,
  session_close = 19,
  key_rotated = 20,
  checkpoint = 21,
  ledger_read = 22,
  requests_refused = 23,
  device_removed = 24,
  node_cordoned = 25,
  image_added = 26,
  image_removed = 27,
  ssh_key_added = 28,
  ssh_key_removed = 29,
};

/// As the ledger spells it: `TENANT_CREATED`.
std::string_view name_of(EventType type);
std::optional<EventType> parse_event_type(std::string_view text);

/// A value inside `data`: integers only, no fractions (LEDGER.md section 2).
struct EventValue {
  using Object = std::vector<std::pair<std::string_view, EventValue>>;  // names are literals
  using Array = std::vector<EventValue>;
  std::variant<std::nullptr_t, bool, std::int64_t, std::string, Object, Array> value = nullptr;

  EventValue() = default;
  EventValue(std::nullptr_t) {}                                    // NOLINT(google-explicit-constructor)
  EventValue(bool flag) : value(flag) {}                           // NOLINT(google-explicit-constructor)
  EventValue(std::int64_t number) : value(number) {}               // NOLINT(google-explicit-constructor)
  EventValue(std::string text) : value(std::move(text)) {}         // NOLINT(google-explicit-constructor)
  EventValue(std::string_view text) : value(std::string(text)) {}  // NOLINT(google-explicit-constructor)
  EventValue(const char* text) : value(std::string(text)) {}       // NOLINT(google-explicit-constructor)
  EventValue(Object members) : value(std::move(members)) {}        // NOLINT(google-explicit-constructor)
  EventValue(Array elements) : value(std::move(elements)) {}       // NOLINT(google-explicit-constructor)
};

/// The kind of actor that may run commands on the server's machine.
constexpr std::string_view local_command = "local-command";

/// Who did it.
struct Actor {
  std::string kind;         ///< `platform-admin`, `tenant-admin`, `token`, `device`, `local-command` or `system`.
  std::string token_id;     ///< Empty when no token was used.
  std::string subject_key;  ///< base64url of the key that was proved or to which the token is bound; else empty.
};

struct Event {
  EventType type;
  TenantId tenant;  ///< Whose log it goes to; TenantId::platform() for the platform's.
  Actor actor;
  std::string request_id;
  EventValue::Object data;  ///< In any order of names; encoding sorts them. No personal data in clear.
};

}  // namespace cadastre

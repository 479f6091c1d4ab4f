// The bytes of a ledger leaf: RFC 8785 canonical JSON of one event (LEDGER.md section 2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "domain/event.h"
#include "domain/tenant.h"

namespace cadastre::ledger {

constexpr std::size_t leaf_bytes_max = 16 * 1024;

/// The leaf's bytes, exactly as they are stored and hashed. Members without a value, such as the token of an event
/// that no token caused and the tenant of the platform's log, are null.
/// Requires valid UTF-8, ASCII names, integers within 2^53 - 1, and at most 16 KiB in all: stops the process otherwise.
std::string encode_leaf(const LogId& log, std::uint64_t seq, Instant ts, const Event& event);

/// A leaf taken apart.
struct LeafRecord {
  LogId log_id{};
  std::uint64_t seq = 0;
  Instant ts;
  EventType type = EventType::tenant_created;
  TenantId tenant = TenantId::platform();
  Actor actor;
  std::string request_id;
  json::Value data;  ///< An object.
};

/// Refuses whatever `encode_leaf` cannot have written: another version, unknown or missing members, bytes that are not
/// canonical.
Result<LeafRecord> decode_leaf(std::string_view bytes);

}  // namespace cadastre::ledger

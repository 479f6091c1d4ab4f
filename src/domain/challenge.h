// A challenge: a nonce that was handed out for one proof of one key.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "domain/tenant_id.h"

namespace cadastre {

enum class ChallengeKind { enrolment, session };

/// Good once and for a short time. The nonce itself is never kept.
struct Challenge {
  TenantId tenant;
  Bytes<32> id{};  ///< SHA-256 of the nonce.
  ChallengeKind kind = ChallengeKind::enrolment;
  Bytes<32> subject_key{};  ///< Whose proof is awaited.
  std::string device;       ///< The id of the device to be enrolled; empty for a session.
  std::string scope;        ///< Of what the proof will be answered with.
  std::string created_by;   ///< The id of the token under which it was made.
  std::int64_t wrong_attempts = 0;
  Instant created_at;
  Instant expires_at;
};

}  // namespace cadastre

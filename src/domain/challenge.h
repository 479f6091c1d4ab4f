// A challenge: a nonce that was handed out for one proof of one key.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "domain/tenant_id.h"

namespace cadastre {

/// What a proof is answered with. The numbers are stored: append, never renumber.
enum class ChallengeKind {
  enrolment,           ///< A device and its token.
  session,             ///< A session.
  reviewed_enrolment,  ///< A device that waits for an administrator's word, and a nonce of the next kind.
  collection,          ///< The token of such a device, once the word was given; until then the nonce stays good.
};

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

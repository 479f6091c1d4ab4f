// Idempotency-Key: the first answer again, decided and kept in the transaction of the change itself.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "crypto/sha256.h"
#include "http/call.h"
#include "service/ports.h"

namespace cadastre::http {

/// Runs `act`, or gives the first answer again when the caller has used this key on this route before. A key is 1 to
/// 255 visible ASCII characters. Refuses another body under the same key. Success and refusals that a retry cannot
/// mend are kept 24 hours; 429, 5xx, what never reached the rules (400, 401, 403, 415) and what `is_never_kept` are
/// not.
Result<Response> run_once(const Call& call, std::string_view route, Tx& tx,
                          const std::function<Result<Response>()>& act);

/// What tells the request apart from all others while it is worked on: tenant, subject, route and key. Nothing when it
/// has no key that `run_once` would heed.
std::optional<Digest> key_in_flight(const Call& call, std::string_view route);

/// Whether `run_once` would give an answer again.
bool was_answered(const Call& call, std::string_view route, Reader& reader);

}  // namespace cadastre::http

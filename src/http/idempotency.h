// Idempotency-Key: the first answer again, decided and kept in the transaction of the change itself.
#pragma once

#include <functional>

#include "http/call.h"
#include "service/ports.h"

namespace cadastre::http {

/// Runs `act`, or gives the first answer again when the caller has used this key on this route before. A key is 1 to
/// 255 visible ASCII characters. Refuses another body under the same key. Success and refusals that a retry cannot
/// mend are kept 24 hours; 429, 5xx, what never reached the rules (400, 401, 403, 415) and what `is_never_kept` are
/// not.
Result<Response> run_once(const Call& call, std::string_view route, Tx& tx,
                          const std::function<Result<Response>()>& act);

/// Whether `run_once` would give an answer again.
bool was_answered(const Call& call, std::string_view route, Reader& reader);

}  // namespace cadastre::http

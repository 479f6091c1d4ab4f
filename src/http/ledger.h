// The handlers of a ledger's reading: entries, checkpoint, tiles, proofs; of the caller's own log or, for the
// platform, of any.
#pragma once

#include "http/call.h"

namespace cadastre::http {

Result<Response> get_entries(const Call& call, Reader& reader);
Result<Response> get_checkpoint(const Call& call, Reader& reader);
Result<Response> get_tile(const Call& call, Reader& reader);
Result<Response> get_proof(const Call& call, Reader& reader);

}  // namespace cadastre::http

// The handlers of guests' serial consoles: what a node's agent sends, and what the tenant's people read.
#pragma once

#include "http/call.h"

namespace cadastre::http {

/// Takes bytes as they are (application/octet-stream).
Result<Response> put_console(const Call& call, Tx& tx);
/// Answers them as they are, as text that nothing is to guess a type of or to keep.
Result<Response> get_console(const Call& call, Reader& reader);

}  // namespace cadastre::http

// The handlers of sessions.
#pragma once

#include "http/call.h"

namespace cadastre::http {

Result<Response> post_session_challenge(const Call& call, Tx& tx);
Result<Response> post_session(const Call& call, Tx& tx);
Result<Response> get_sessions(const Call& call, Reader& reader);
Result<Response> get_session(const Call& call, Reader& reader);
Result<Response> remove_session(const Call& call, Tx& tx);
Result<Response> remove_sessions(const Call& call, Tx& tx);

}  // namespace cadastre::http

// The handlers that speak OAuth's forms: introspection (RFC 7662) and revocation (RFC 7009) of a token's text.
#pragma once

#include "http/call.h"

namespace cadastre::http {

/// What a token of the caller's tenant is worth now; `{"active":false}` and nothing more for any other.
Result<Response> introspect_token(const Call& call, Reader& reader);
/// Ends the last element of the token. What is not a token of the caller's tenant is answered as if it had been one.
Result<Response> revoke_presented_token(const Call& call, Tx& tx);

}  // namespace cadastre::http

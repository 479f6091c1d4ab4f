// The handlers of tokens and revocations.
#pragma once

#include "http/call.h"
#include "service/tokens.h"

namespace cadastre::http {

Result<Response> post_token(const Call& call, Tx& tx);
Result<Response> get_tokens(const Call& call, Reader& reader);
Result<Response> get_token(const Call& call, Reader& reader);
Result<Response> remove_token(const Call& call, Tx& tx);
Result<Response> post_revocation(const Call& call, Tx& tx);

/// The answer to a successful issue; the only one that ever holds a token's text.
Response token_answer(const FreshToken& token);

}  // namespace cadastre::http

// The handlers of tokens and revocations.
#pragma once

#include "http/call.h"
#include "service/tokens.h"

namespace cadastre::http {

Result<Response> post_token(const Call& call, Tx& tx);
Result<Response> post_replacement(const Call& call, Tx& tx);
Result<Response> post_replacements(const Call& call, Tx& tx);
Result<Response> get_tokens(const Call& call, Reader& reader);
Result<Response> get_token(const Call& call, Reader& reader);
Result<Response> remove_token(const Call& call, Tx& tx);
Result<Response> post_revocation(const Call& call, Tx& tx);

/// The answers to a successful issue of one and of several; the only ones that ever hold a token's text.
Response token_answer(const FreshToken& token);
Response tokens_answer(const std::vector<FreshToken>& tokens);

}  // namespace cadastre::http

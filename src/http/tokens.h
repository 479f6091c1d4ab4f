// The handlers of tokens and revocations.
#pragma once

#include "http/body.h"
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

/// The member `subject_pubkey`, or null; keeps an error when it has another type than a key can have.
const json::Value* take_subject_pubkey(Body& body);
/// The key it gives, which the verifier knows from then on as one to use.
Result<PublicKey> decode_subject_pubkey(const Call& call, const json::Value* value);

/// A fresh token's text and what there is to know of it, as members.
void append_token_members(json::Object& object, const FreshToken& token);

/// What stands before the id of a device's token in a `token_reference`.
constexpr char device_reference_mark = '@';

/// The answers to a successful issue of one and of several; beside a device's the only ones that hold a token's text.
Response token_answer(const FreshToken& token);
Response tokens_answer(const std::vector<FreshToken>& tokens);

}  // namespace cadastre::http

// What the payloads of all proofs share: a few texts, all of them required, and the time of signing.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "token/fault.h"

namespace cadastre {

/// A claim that must be there and not be empty, and where its text goes.
struct TextClaim {
  std::string_view name;
  std::string* text;
};

/// Reads all of `texts` and answers `iat`; `tolerated` claims may be there and are not looked at. Refuses with
/// `malformed_json`, `duplicate_member`, `claim_missing:x`, `claim_type:x` or `unknown_claim:x`.
Checked<std::int64_t> decode_proof_payload(std::string_view payload, std::initializer_list<TextClaim> texts,
                                           std::initializer_list<std::string_view> tolerated = {});

}  // namespace cadastre

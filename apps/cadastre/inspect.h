// What a token says of itself, laid open for people. Nothing of it is verified.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "token/issuer_keys.h"

namespace cadastre {

/// One JSON object: `verified` (false), `fault` (null, or why no server could accept it, whoever issued it), and
/// `elements` with header, claims and rid of each, as far as they can be read.
std::string inspected(std::string_view credential, Instant now);
/// The same for people.
std::string inspected_lines(std::string_view credential, Instant now);

/// The issuer keys of a JWK set (RFC 7517 section 5). Throws Failure when it is none, or has anything but Ed25519 keys
/// under their thumbprints.
IssuerKeys parse_jwks(std::string_view text, const std::string& origin);

}  // namespace cadastre

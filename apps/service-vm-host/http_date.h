// The time in an answer's head.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace cadastre {

/// Reads the preferred form of RFC 9110 section 5.6.7, `Sun, 06 Nov 1994 08:49:37 GMT`; nothing on other text.
std::optional<Instant> parse_http_date(std::string_view text);

}  // namespace cadastre

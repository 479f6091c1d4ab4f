// The query of a request, taken by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cadastre::http {

/// A number of decimal digits alone; nothing for any other text. What does not fit is the greatest that does.
std::optional<std::int64_t> parse_number(std::string_view text);

class Query {
 public:
  /// Refuses what `decode_query` refuses.
  static Result<Query> parse(std::string_view text);
  std::optional<std::string> find(std::string_view name) const;
  /// An integer from 0 to `most`; nothing when it is absent.
  Result<std::optional<std::int64_t>> number(std::string_view name, std::int64_t most) const;
  /// Refuses a parameter that is not among these words.
  Result<void> only(std::string_view names) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace cadastre::http

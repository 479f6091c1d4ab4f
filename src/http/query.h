// The query of a request, taken by name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cadastre::http {

class Query {
 public:
  /// Refuses what `decode_query` refuses.
  static Result<Query> parse(std::string_view text);
  std::optional<std::string> find(std::string_view name) const;
  /// Refuses a parameter that is not among these words.
  Result<void> only(std::string_view names) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace cadastre::http

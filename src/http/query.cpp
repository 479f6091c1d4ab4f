#include "http/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "http/message.h"

namespace cadastre::http {

Result<Query> Query::parse(std::string_view text) {
  Query query;
  query.parameters_ = TRY(decode_query(text));
  return query;
}

std::optional<std::string> Query::find(std::string_view name) const {
  for (const auto& [known, value] : parameters_) {
    if (known == name) return value;
  }
  return std::nullopt;
}

Result<void> Query::only(std::string_view names) const {
  for (const auto& [name, value] : parameters_) {
    const bool is_known = std::ranges::any_of(
        std::views::split(names, ' '), [&](auto&& word) { return std::string_view(word.begin(), word.end()) == name; });
    if (!is_known) return refuse(Code::malformed, name, fmt::format("{} is not a parameter of this call.", name));
  }
  return {};
}

}  // namespace cadastre::http

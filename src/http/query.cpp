#include "http/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <ranges>
#include <system_error>

#include "http/message.h"

namespace cadastre::http {

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error == std::errc::invalid_argument || end != last || text.front() == '-') return std::nullopt;
  return error == std::errc() ? number : std::numeric_limits<std::int64_t>::max();
}

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

Result<std::optional<std::int64_t>> Query::number(std::string_view name, std::int64_t most) const {
  const auto text = find(name);
  if (!text) return std::optional<std::int64_t>();
  const auto number = parse_number(*text);
  if (number && *number <= most) return number;
  return refuse(Code::malformed, std::string(name), fmt::format("{} must be an integer from 0 to {}.", name, most));
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

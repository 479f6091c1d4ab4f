#include "base/arguments.h"

#include <algorithm>
#include <string_view>

namespace cadastre {
namespace {

bool is_id_like_an_option(std::string_view text) {
  const auto is_base64url = [](char c) {
    return ('A' <= c && c <= 'Z') || ('a' <= c && c <= 'z') || ('0' <= c && c <= '9') || c == '-' || c == '_';
  };
  return (text.size() == 22 || text.size() == 43) && text[0] == '-' && text[1] != '-' &&
         std::ranges::all_of(text, is_base64url);
}

}  // namespace

std::vector<std::string> with_ids_last(std::span<char* const> arguments, std::span<const std::string> flags) {
  const std::vector<std::string> all(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (std::ranges::find(all, "--") != all.end()) return all;
  std::vector<std::string> others, ids;
  for (const std::string& text : all) {
    const bool is_value =
        !others.empty() && others.back().starts_with('-') && std::ranges::find(flags, others.back()) == flags.end();
    (!is_value && is_id_like_an_option(text) ? ids : others).push_back(text);
  }
  if (!ids.empty()) others.emplace_back("--");
  others.insert(others.end(), ids.begin(), ids.end());
  return others;
}

}  // namespace cadastre

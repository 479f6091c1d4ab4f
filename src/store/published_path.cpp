#include "store/published_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "service/publication_port.h"

namespace cadastre {
namespace {

/// One name of a published path; no `.`, `..`, hidden or empty one.
bool is_component(std::string_view name) {
  const auto allowed = [](char c) { return ('a' <= c && c <= 'z') || ('0' <= c && c <= '9') || c == '.'; };
  return !name.empty() && name.size() <= 64 && name.front() != '.' && std::ranges::all_of(name, allowed);
}

bool is_published_path(std::string_view path) {
  return !path.empty() && std::ranges::all_of(path | std::views::split('/'), [](auto&& part) {
    return is_component(std::string_view(part.begin(), part.end()));
  });
}

}  // namespace

void expect_published_path(std::string_view path) {
  if (!is_published_path(path)) throw StoreFailure(fmt::format("'{}' is not the path of a published file", path));
}

}  // namespace cadastre

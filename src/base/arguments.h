// Command-line arguments as our parsers want them.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace cadastre {

/// The arguments without the program's name, in their order, but for ids that begin with a hyphen (22 or 43 characters
/// of base64url) and are no option's value: these come last, behind a `--`, since a parser would take them for options.
/// Nothing changes when there are none, or a `--` already. `flags` are the options that take no value.
std::vector<std::string> with_ids_last(std::span<char* const> arguments, std::span<const std::string> flags = {});

}  // namespace cadastre

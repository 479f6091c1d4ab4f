// Files that service-fs itself writes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cadastre {

/// Writes the file whole or not at all: a temporary one beside it, then a rename. Makes the folders above it.
/// Throws StoreFailure.
void write_file(const std::string& path, std::string_view bytes);

/// The file's bytes; nothing when it does not exist. Throws StoreFailure.
std::optional<std::string> read_file(const std::string& path);

}  // namespace cadastre

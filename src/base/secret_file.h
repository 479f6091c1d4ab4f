// Small files that hold secrets: whole or not at all, and only for their owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cadastre {

/// Writes the file, of mode 0600, durably; it takes the place of an older one in one moment. Throws std::system_error
/// naming the file.
void write_secret_file(const std::string& path, std::string_view content);

/// Makes the names in a folder durable. Throws std::system_error naming it.
void sync_folder(const std::string& folder);

/// The file's content; nothing when there is none. Throws std::system_error, and std::runtime_error when others than
/// its owner can read it.
std::optional<std::string> read_secret_file(const std::string& path);

}  // namespace cadastre

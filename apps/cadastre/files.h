// Files as the command line reads and writes them. All of it throws Failure with a sentence that names the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/sha256.h"

namespace cadastre {

/// What others know a file by.
struct FileDigest {
  Digest sha256{};  ///< Of the whole of it.
  std::int64_t size_bytes = 0;
};

/// The whole of a file; `-` is standard input. At most 1 MiB.
std::string read_text(const std::string& path);
/// The same, of a file that holds a secret: refuses a regular file that anyone but its owner can read.
std::string read_secret(const std::string& path);
/// A token from a file or standard input: one line, without the white space around it. Refuses what is no token,
/// without showing it.
std::string read_token(const std::string& path);
/// The same from text; `origin` is what a refusal calls it.
std::string parse_token(std::string_view text, const std::string& origin);

/// Reads a file of any length; `-` is standard input.
FileDigest digest_of(const std::string& path);

/// Refuses the name of a file that is there, before something is done whose outcome would be lost. An empty name is
/// none.
void require_absent(const std::string& path);
/// Makes a file that only its owner can read, durably. Refuses to touch one that is there.
void create_secret(const std::string& path, std::string_view text);
/// Writes a file whole or not at all, only for its owner to read; makes the folders above it (0700).
void replace_file(const std::string& path, std::string_view text);
/// The file's text; nothing when there is none.
std::optional<std::string> read_if_there(const std::string& path);

/// `~/.config/cadastre/config.toml`, or where XDG_CONFIG_HOME leads (XDG Base Directory Specification).
std::string config_path();
/// The path as seen from any folder.
std::string absolute_path(const std::string& path);
/// A variable of the environment; empty when it is not set.
std::string environment(const char* name);

}  // namespace cadastre

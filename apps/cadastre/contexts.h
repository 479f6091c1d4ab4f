// Contexts: servers and who one is there, by name, in a TOML file. It holds no secret, only where secrets are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cadastre {

struct Context {
  std::string name;
  std::string url;
  std::string token_file = {};
  std::string key_file = {};
  std::string ca_file = {};
  std::string tenant = {};
  friend bool operator==(const Context&, const Context&) = default;
};

struct Contexts {
  std::string current;
  std::vector<Context> all;  ///< In order of their names.

  Context* find(std::string_view name);
  friend bool operator==(const Contexts&, const Contexts&) = default;
};

/// Reads the file's text. Throws Failure naming `path` for what is no such file, a member nobody knows included.
Contexts parse_contexts(std::string_view text, const std::string& path);
/// The text that `parse_contexts` reads.
std::string encode_contexts(const Contexts& contexts);

/// What the file at `config_path()` says; nothing in it when there is none.
Contexts read_contexts();
void write_contexts(const Contexts& contexts);

/// 1 to 63 letters, digits, `-` and `_`.
bool is_context_name(std::string_view name);

}  // namespace cadastre

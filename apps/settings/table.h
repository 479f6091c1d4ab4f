// The settings of a server as a table: each can be given by a flag, the environment or a TOML file, in this order.
#pragma once

#include <fmt/format.h>

#include <toml++/toml.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace cadastre {

/// Throws std::invalid_argument: the setting must not be as it is.
[[noreturn]] inline void wrong(const std::string& name, const std::string& rule) {
  throw std::invalid_argument(fmt::format("setting {} {}", name, rule));
}

inline void check_one_of(const std::string& name, const std::string& value,
                         std::initializer_list<std::string_view> allowed) {
  if (std::ranges::find(allowed, value) == allowed.end())
    wrong(name, fmt::format("must be one of {}, not \"{}\"", fmt::join(allowed, ", "), value));
}

/// Throws std::invalid_argument with the line of what cannot be read.
inline toml::table read_toml(const std::string& path) {
  try {
    return toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    throw std::invalid_argument(fmt::format("cannot read {}: {}{}", path, error.description(),
                                            line == 0 ? "" : fmt::format(" (line {})", line)));
  }
}

/// One setting that flags, environment and file can give.
template <class Settings>
struct SettingRow {
  std::string name;  ///< As in the flag, without the dashes.
  std::variant<std::string Settings::*, std::int64_t Settings::*, bool Settings::*> member;
  std::string help;
  std::int64_t least = 0;
  std::int64_t most = 0;
  std::string older_flag = {};
  std::vector<const char*> older_variables = {};  ///< Of the environment, beside the one of the flag's name.
};

/// All of a program's.
template <class Settings>
class SettingsTable {
 public:
  using Row = SettingRow<Settings>;

  /// `prefix` is what the names in the environment begin with, such as "CADASTRE_".
  SettingsTable(std::string prefix, std::vector<Row> rows) : prefix_(std::move(prefix)), rows_(std::move(rows)) {}

  const std::vector<Row>& rows() const { return rows_; }

  /// Lets flags and environment give them.
  void add_to(CLI::App& app, Settings& settings) const {
    for (const Row& row : rows_) std::visit([&](auto member) { add(app, row, settings.*member); }, row.member);
  }

  /// Takes from the file what neither a flag nor the environment gave. Throws std::invalid_argument.
  void apply_file(const std::string& path, const CLI::App& app, Settings& settings) const {
    for (const auto& [key, node] : read_toml(path)) {
      std::string name(key.str());
      std::ranges::replace(name, '_', '-');  // TOML's own habit
      const auto row = std::ranges::find(rows_, name, &Row::name);
      if (row == rows_.end()) wrong(name, fmt::format("in {} does not exist", path));
      if (app.get_option("--" + name)->count() == 0)
        std::visit([&](auto member) { take(name, node, settings.*member); }, row->member);
    }
  }

  /// Throws std::invalid_argument where a number is out of its bounds.
  void check_bounds(const Settings& settings) const {
    for (const Row& row : rows_) {
      const auto* number = std::get_if<std::int64_t Settings::*>(&row.member);
      if (number != nullptr && (settings.**number < row.least || settings.**number > row.most))
        wrong(row.name, fmt::format("must be from {} to {}", row.least, row.most));
    }
  }

  /// As a TOML file. `show` is applied to every text: one that holds a secret is shown without it.
  template <class Show>
  std::string encode(const Settings& settings, Show show) const {
    std::string out;
    for (const Row& row : rows_) {
      (out += row.name) += " = ";
      if (const auto* text = std::get_if<std::string Settings::*>(&row.member))
        json::append_string(out, show(settings.**text));
      else if (const auto* yes = std::get_if<bool Settings::*>(&row.member))
        out += settings.**yes ? "true" : "false";
      else
        json::append_integer(out, settings.*std::get<std::int64_t Settings::*>(row.member));
      out += '\n';
    }
    return out;
  }

 private:
  std::string variable_of(const std::string& flag) const {
    std::string name = prefix_;
    for (const char c : flag) name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    return name;
  }

  void add(CLI::App& app, const Row& row, bool& value) const {
    app.add_flag("--" + row.name, value, row.help)->envname(variable_of(row.name));
  }
  template <class Value>
  void add(CLI::App& app, const Row& row, Value& value) const {
    const std::string flags = "--" + row.name + (row.older_flag.empty() ? "" : ",--" + row.older_flag);
    app.add_option(flags, value, row.help)->envname(variable_of(row.name))->capture_default_str();
  }

  static void take(const std::string& name, const toml::node& node, std::string& value) {
    if (!node.is_string()) wrong(name, "must be a string");
    value = *node.value<std::string>();
  }
  static void take(const std::string& name, const toml::node& node, bool& value) {
    if (!node.is_boolean()) wrong(name, "must be true or false");
    value = *node.value<bool>();
  }
  static void take(const std::string& name, const toml::node& node, std::int64_t& value) {
    if (!node.is_integer()) wrong(name, "must be an integer");
    value = *node.value<std::int64_t>();
  }

  const std::string prefix_;
  const std::vector<Row> rows_;
};

}  // namespace cadastre

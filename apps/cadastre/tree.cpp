#include "tree.h"

#include <CLI/CLI.hpp>

namespace cadastre {
namespace {

/// The choices in a validator's description, `{table,json}`.
std::vector<std::string> choices_in(const std::string& text) {
  std::vector<std::string> choices;
  const std::size_t open = text.find('{');
  const std::size_t close = text.find('}', open);
  if (open == std::string::npos || close == std::string::npos) return choices;
  for (std::size_t start = open + 1; start < close;) {
    const std::size_t end = std::min(text.find(',', start), close);
    choices.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return choices;
}

OptionEntry entry_of(const CLI::Option& option) {
  OptionEntry entry{.flags = {},
                    .value = "",
                    .choices = choices_in(option.get_type_name()),
                    .help = option.get_description(),
                    .default_value = option.get_default_str(),
                    .environment = option.get_envname(),
                    .is_required = option.get_required()};
  for (const std::string& name : option.get_snames()) entry.flags.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) entry.flags.push_back("--" + name);
  if (option.get_items_expected_max() == 0) return entry;
  const std::string type = option.get_type_name();
  entry.value = entry.choices.empty() ? type.substr(0, type.find(':')) : "WORD";
  if (entry.value.empty()) entry.value = "N";
  if (entry.flags.empty()) entry.value = option.get_name(true, false);
  return entry;
}

void append(std::vector<CommandEntry>& entries, const CLI::App& app, const std::vector<std::string>& path) {
  const auto verbs = app.get_subcommands([](const CLI::App*) { return true; });
  CommandEntry& entry = entries.emplace_back(CommandEntry{path, app.get_description(), {}, {}});
  for (const CLI::Option* option : app.get_options()) entry.options.push_back(entry_of(*option));
  for (const CLI::App* verb : verbs) entry.verbs.push_back(verb->get_name());
  for (const CLI::App* verb : verbs) {
    std::vector<std::string> longer = path;
    longer.push_back(verb->get_name());
    append(entries, *verb, longer);
  }
}

}  // namespace

std::vector<CommandEntry> entries_of(const CLI::App& app) {
  std::vector<CommandEntry> entries;
  append(entries, app, {});
  return entries;
}

}  // namespace cadastre

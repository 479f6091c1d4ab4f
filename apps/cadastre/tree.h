// The command line described from its own tree of nouns and verbs, so that no description can lag behind.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace cadastre {

/// One option or argument of a verb.
struct OptionEntry {
  std::vector<std::string> flags;    ///< `-o`, `--output`; empty for an argument.
  std::string value;                 ///< What it takes, such as `FILE`; empty for a flag.
  std::vector<std::string> choices;  ///< The only values, when they are known.
  std::string help;
  std::string default_value;
  std::string environment;  ///< The variable that gives it too.
  bool is_required = false;
};

/// A noun or verb.
struct CommandEntry {
  std::vector<std::string> path;  ///< `vm`, `list`; empty for the program itself.
  std::string help;
  std::vector<OptionEntry> options;
  std::vector<std::string> verbs;  ///< What may come next.
};

/// The program, then every noun, each followed by its verbs, in the order of `--help`.
std::vector<CommandEntry> entries_of(const CLI::App& app);

/// A script for bash (`complete`) or zsh (`compdef`) that completes nouns, verbs, options, choices and files.
std::string bash_completion(const std::vector<CommandEntry>& entries);
std::string zsh_completion(const std::vector<CommandEntry>& entries);

/// The manual page in man(7) macros.
std::string man_page(const std::vector<CommandEntry>& entries);

}  // namespace cadastre

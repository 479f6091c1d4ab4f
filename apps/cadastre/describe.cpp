// `cadastre completion` and `cadastre man`: the program describes itself.
#include <fmt/format.h>

#include "command_line.h"
#include "tree.h"
#include "verb.h"

namespace cadastre {
namespace {

struct Arguments {
  std::string shell;
};

void describe(Verb& verb, Arguments& arguments) {
  verb.choice("SHELL", arguments.shell, {"bash", "zsh"}, "bash or zsh");
}

/// A tree that nothing was parsed with.
std::vector<CommandEntry> own_entries(Program& program) {
  Program blank{.clock = program.clock, .random = program.random};
  return entries_of(*command_tree(blank));
}

ExitCode complete(Program& program, const Arguments& arguments) {
  const auto entries = own_entries(program);
  fmt::print("{}", arguments.shell == "zsh" ? zsh_completion(entries) : bash_completion(entries));
  return ExitCode::ok;
}

ExitCode print_man_page(Program& program) {
  fmt::print("{}", man_page(own_entries(program)));
  return ExitCode::ok;
}

}  // namespace

void add_describing_verbs(CLI::App& app, Program& program) {
  add_verb<Arguments>(app, program, "completion", "print a shell's completion script", describe, complete);
  add_verb(app, program, "man", "print the manual page", print_man_page);
}

}  // namespace cadastre

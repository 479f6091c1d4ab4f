// The whole command line: its options, nouns and verbs.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "program.h"

namespace CLI {
class App;
}

namespace cadastre {

/// The tree of nouns and verbs; what is parsed goes to `program`, which must outlive it.
std::shared_ptr<CLI::App> command_tree(Program& program);

/// Reads arguments and environment. Prints help or what is wrong, and then answers the exit code.
std::optional<ExitCode> parse_command_line(int argc, char** argv, Program& program);

/// Whether an argument holds a token or a private key, which others on the machine could then see.
bool has_secret_argument(std::span<char*> arguments);

}  // namespace cadastre

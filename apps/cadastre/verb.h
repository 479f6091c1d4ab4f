// How a verb joins the command line: its options are members of a value that is handed to what it does. Only verb.cpp,
// command_line.cpp and tree.cpp include CLI11, which takes long to compile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "program.h"

namespace CLI {
class App;
}

namespace cadastre {

enum class Presence { optional, required };

struct Bounds {
  std::int64_t least = 0;
  std::int64_t most = 1'000'000'000;
};

/// Describes one verb. Values live until the command line was parsed.
class Verb {
 public:
  explicit Verb(CLI::App& app) : app_(&app) {}

  /// An argument by its place.
  Verb& argument(const std::string& name, std::string& value, const std::string& help,
                 Presence presence = Presence::required);
  Verb& argument(const std::string& name, std::int64_t& value, Bounds bounds, const std::string& help);
  /// A text, called `value_name` in help; `FILE` is completed as one.
  Verb& option(const std::string& flag, std::string& value, const std::string& value_name, const std::string& help,
               Presence presence = Presence::optional);
  /// The same, which may be given again and again.
  Verb& option(const std::string& flag, std::vector<std::string>& values, const std::string& value_name,
               const std::string& help);
  Verb& option(const std::string& flag, std::optional<std::int64_t>& value, Bounds bounds, const std::string& help,
               Presence presence = Presence::optional);
  /// A number that has a value already.
  Verb& option(const std::string& flag, std::int64_t& value, Bounds bounds, const std::string& help);
  /// One of a few words; what `value` holds is the default.
  Verb& choice(const std::string& flag, std::string& value, const std::vector<std::string>& words,
               const std::string& help);
  Verb& flag(const std::string& flag, bool& value, const std::string& help);
  /// The variable that gives the option too.
  Verb& environment(const std::string& flag, const std::string& variable);
  /// The two are not given together.
  Verb& exclude(const std::string& flag, const std::string& other);

 private:
  CLI::App* app_;
};

/// Adds a noun, such as `vm`, of which a verb must follow.
CLI::App& add_noun(CLI::App& app, const std::string& name, const std::string& help);
/// Adds a verb, after which `program.command` is this one.
Verb add_command(CLI::App& noun, Program& program, const std::string& name, const std::string& help, Command command);

/// Adds a verb. `describe` binds its options to the members of `Arguments`, which `run` gets.
template <class Arguments>
void add_verb(CLI::App& noun, Program& program, const std::string& name, const std::string& help,
              void (*describe)(Verb&, Arguments&), ExitCode (*run)(Program&, const Arguments&)) {
  auto arguments = std::make_shared<Arguments>();
  Verb verb =
      add_command(noun, program, name, help, [arguments, run](Program& started) { return run(started, *arguments); });
  describe(verb, *arguments);
}

/// A verb without options of its own.
inline void add_verb(CLI::App& noun, Program& program, const std::string& name, const std::string& help,
                     ExitCode (*run)(Program&)) {
  add_command(noun, program, name, help, run);
}

/// `--limit`, of a list.
inline void add_limit(Verb& verb, std::optional<std::int64_t>& limit) {
  verb.option("--limit", limit, {.least = 1}, "at most so many; without it, all");
}

// Each noun with its verbs.
void add_key_verbs(CLI::App& app, Program& program);
void add_token_verbs(CLI::App& app, Program& program);
void add_context_verbs(CLI::App& app, Program& program);
void add_tenant_verbs(CLI::App& app, Program& program);
void add_session_verbs(CLI::App& app, Program& program);
void add_vm_verbs(CLI::App& app, Program& program);
void add_node_verbs(CLI::App& app, Program& program);
void add_image_verbs(CLI::App& app, Program& program);
void add_ssh_key_verbs(CLI::App& app, Program& program);
void add_device_verbs(CLI::App& app, Program& program);
void add_ledger_verbs(CLI::App& app, Program& program);
void add_caller_verbs(CLI::App& app, Program& program);
void add_self_test_verb(CLI::App& app, Program& program);
void add_describing_verbs(CLI::App& app, Program& program);

// The verbs of `token` that need no server.
void add_offline_token_verbs(CLI::App& token, Program& program);

}  // namespace cadastre

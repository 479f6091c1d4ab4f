#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/arguments.h"
#include "service/session_token.h"
#include "settings.h"
#include "tree.h"
#include "verb.h"

namespace cadastre {
namespace {

void add_global_options(CLI::App& app, GlobalOptions& options) {
  Verb(app)
      .option("--context", options.context, "NAME", "the context to use instead of the current one")
      .option("--url", options.url, "URL", fmt::format("the server; without a context {}", default_url))
      .option("--token-file", options.token_file, "FILE",
              "a file with the token, - for standard input; else CADASTRE_TOKEN holds the token itself")
      .option("--key-file", options.key_file, "FILE", "the private key that the token is bound to")
      .option("--ca-file", options.ca_file, "FILE", "certificates of the authorities to trust instead of the system's")
      .option("--tenant", options.tenant, "TENANT", "the tenant, where the token is for all of them")
      .choice("-o,--output", options.output, {"table", "json"}, "table for people, json for programs")
      .flag("--allow-plain-http", options.allows_plain_http, "send the token over http to another machine")
      .environment("--context", "CADASTRE_CONTEXT")
      .environment("--url", "CADASTRE_URL")
      .environment("--key-file", "CADASTRE_KEY_FILE")
      .environment("--ca-file", "CADASTRE_CA_FILE")
      .environment("--tenant", "CADASTRE_TENANT");
}

/// The options of all verbs that take no value.
std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CommandEntry& command : entries_of(app)) {
    for (const OptionEntry& option : command.options) {
      if (option.value.empty()) flags.insert(flags.end(), option.flags.begin(), option.flags.end());
    }
  }
  return flags;
}

}  // namespace

std::shared_ptr<CLI::App> command_tree(Program& program) {
  auto app = std::make_shared<CLI::App>("cadastre: tenants, tokens and VMs from the command line", "cadastre");
  app->require_subcommand(1)->fallthrough();
  app->footer("Exit codes: 0 ok, 1 refused, 2 usage, 3 input or output.");
  add_global_options(*app, program.options);
  add_context_verbs(*app, program);
  add_caller_verbs(*app, program);
  add_tenant_verbs(*app, program);
  add_token_verbs(*app, program);
  add_session_verbs(*app, program);
  add_vm_verbs(*app, program);
  add_node_verbs(*app, program);
  add_image_verbs(*app, program);
  add_ssh_key_verbs(*app, program);
  add_device_verbs(*app, program);
  add_ledger_verbs(*app, program);
  add_key_verbs(*app, program);
  add_self_test_verb(*app, program);
  add_describing_verbs(*app, program);
  return app;
}

bool has_secret_argument(std::span<char*> arguments) {
  return std::ranges::any_of(arguments, [](std::string_view argument) {
    const std::size_t start = argument.find("eyJ");  // base64url of `{"`
    const bool is_token = start != std::string_view::npos && std::ranges::count(argument.substr(start), '.') >= 2;
    const std::size_t session = std::min(argument.rfind(SessionCredential::prefix), argument.size());
    const bool is_session = SessionCredential::parse(argument.substr(session)).has_value();
    return is_token || is_session || argument.find("PRIVATE KEY") != std::string_view::npos;
  });
}

std::optional<ExitCode> parse_command_line(int argc, char** argv, Program& program) {
  if (has_secret_argument({argv, static_cast<std::size_t>(argc)})) {
    fmt::print(stderr,
               "cadastre: a secret on the command line can be seen by others on this machine: replace it, and give it "
               "in a file\n");
    return ExitCode::usage;
  }
  const auto app = command_tree(program);
  try {
    auto arguments = with_ids_last({argv, static_cast<std::size_t>(argc)}, flags_of(*app));
    std::ranges::reverse(arguments);  // as the parser takes them
    app->parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return app->exit(error) == 0 ? ExitCode::ok : ExitCode::usage;
  }
  return std::nullopt;
}

}  // namespace cadastre

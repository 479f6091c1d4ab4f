// `cadastre context`: servers and who one is there, by name.
#include <fmt/format.h>

#include <algorithm>

#include "api.h"
#include "contexts.h"
#include "files.h"
#include "settings.h"
#include "verb.h"

namespace cadastre {
namespace {

struct Arguments {
  std::string name;
};

void describe_name(Verb& verb, Arguments& arguments) { verb.argument("NAME", arguments.name, "the context"); }

/// The path as it is found from any folder; an empty one stays so. Standard input is no place to find it again.
std::string kept_path(const std::string& path) {
  if (path == "-") usage_error("a context keeps the name of a file, not -");
  return path.empty() ? path : absolute_path(path);
}

/// The file's name, once it is sure that its secret can be used.
std::string secret_path(const std::string& path) {
  if (!path.empty() && path != "-") read_secret(path);
  return kept_path(path);
}

void check(const Context& context) {
  if (!is_context_name(context.name)) usage_error("a context's name has 1 to 63 letters, digits, - and _");
  if (const auto url = http::ServerUrl::parse(context.url); !url)
    usage_error(fmt::format("--url {}", url.error().detail));
  if (context.tenant.empty()) return;
  if (const auto tenant = TenantId::parse(context.tenant); !tenant)
    usage_error(fmt::format("--tenant {}", tenant.error().errors.front().detail));
}

/// Adds one, or changes one of that name. The first becomes the current one.
ExitCode add(Program& program, const Arguments& arguments) {
  const GlobalOptions& options = program.options;
  const Context fresh{.name = arguments.name,
                      .url = options.url.empty() ? default_url : options.url,
                      .token_file = secret_path(options.token_file),
                      .key_file = secret_path(options.key_file),
                      .ca_file = kept_path(options.ca_file),
                      .tenant = options.tenant};
  check(fresh);
  Contexts contexts = read_contexts();
  if (Context* const known = contexts.find(fresh.name)) {
    *known = fresh;
  } else {
    contexts.all.push_back(fresh);
    std::ranges::sort(contexts.all, {}, &Context::name);
  }
  if (contexts.current.empty()) contexts.current = fresh.name;
  write_contexts(contexts);
  return ExitCode::ok;
}

[[noreturn]] void unknown(const std::string& name) {
  usage_error(fmt::format("there is no context \"{}\": see `cadastre context list`", name));
}

ExitCode use(Program&, const Arguments& arguments) {
  Contexts contexts = read_contexts();
  if (contexts.find(arguments.name) == nullptr) unknown(arguments.name);
  contexts.current = arguments.name;
  write_contexts(contexts);
  return ExitCode::ok;
}

ExitCode remove(Program&, const Arguments& arguments) {
  Contexts contexts = read_contexts();
  if (std::erase_if(contexts.all, [&](const Context& each) { return each.name == arguments.name; }) == 0) {
    unknown(arguments.name);
  }
  if (contexts.current == arguments.name) contexts.current.clear();
  write_contexts(contexts);
  return ExitCode::ok;
}

json::Value text_value(std::string_view text) {
  json::Value value;
  value.kind = text.empty() ? json::Kind::null : json::Kind::string;
  value.text = text;
  return value;
}

ExitCode list(Program& program) {
  const Contexts contexts = read_contexts();
  std::vector<json::Value> records;
  for (const Context& each : contexts.all) {
    json::Value& record = records.emplace_back();
    record.kind = json::Kind::object;
    json::Value current;
    current.kind = json::Kind::boolean;
    current.boolean = each.name == contexts.current;
    record.members = {{"name", text_value(each.name)},
                      {"current", current},
                      {"url", text_value(each.url)},
                      {"tenant", text_value(each.tenant)},
                      {"token_file", text_value(each.token_file)},
                      {"key_file", text_value(each.key_file)},
                      {"ca_file", text_value(each.ca_file)}};
  }
  return print_list(program, "contexts", records,
                    {{"NAME", "name"},
                     {"CURRENT", "current"},
                     {"URL", "url"},
                     {"TENANT", "tenant"},
                     {"TOKEN FILE", "token_file"},
                     {"KEY FILE", "key_file"}});
}

}  // namespace

void add_context_verbs(CLI::App& app, Program& program) {
  CLI::App& context =
      add_noun(app, "context", "servers and who one is there, by name, in ~/.config/cadastre/config.toml");
  add_verb<Arguments>(context, program, "add",
                      "keep --url, --token-file, --key-file, --ca-file and --tenant under a name", describe_name, add);
  add_verb<Arguments>(context, program, "use", "make one the current context", describe_name, use);
  add_verb(context, program, "list", "show them", list);
  add_verb<Arguments>(context, program, "remove", "forget one; its files stay", describe_name, remove);
}

}  // namespace cadastre

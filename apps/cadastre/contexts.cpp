#include "contexts.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>

#include "base/json.h"
#include "files.h"
#include "program.h"

namespace cadastre {
namespace {

struct Member {
  std::string_view name;
  std::string Context::* value;
};

constexpr Member members[] = {{"url", &Context::url},
                              {"token_file", &Context::token_file},
                              {"key_file", &Context::key_file},
                              {"ca_file", &Context::ca_file},
                              {"tenant", &Context::tenant}};

[[noreturn]] void wrong(const std::string& path, const std::string& rule) {
  file_error(fmt::format("{}: {}", path, rule));
}

Context context_of(std::string_view name, const toml::node& node, const std::string& path) {
  const toml::table* const table = node.as_table();
  if (table == nullptr || !is_context_name(name)) wrong(path, fmt::format("\"{}\" is no context", name));
  Context context{.name = std::string(name), .url = ""};
  for (const auto& [key, value] : *table) {
    const auto* const member = std::ranges::find(members, key.str(), &Member::name);
    if (member == std::end(members)) wrong(path, fmt::format("context {} has an unknown member {}", name, key.str()));
    if (!value.is_string()) wrong(path, fmt::format("{} of context {} must be a string", key.str(), name));
    context.*(member->value) = *value.value<std::string>();
  }
  if (context.url.empty()) wrong(path, fmt::format("context {} has no url", name));
  return context;
}

}  // namespace

Context* Contexts::find(std::string_view name) {
  const auto found = std::ranges::find(all, name, &Context::name);
  return found == all.end() ? nullptr : &*found;
}

bool is_context_name(std::string_view name) {
  const auto allowed = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, allowed);
}

Contexts parse_contexts(std::string_view text, const std::string& path) {
  toml::table file;
  try {
    file = toml::parse(text);
  } catch (const toml::parse_error& error) {
    wrong(path, fmt::format("{} (line {})", error.description(), error.source().begin.line));
  }
  Contexts contexts;
  for (const auto& [key, value] : file) {
    if (key.str() == "current" && value.is_string()) {
      contexts.current = *value.value<std::string>();
    } else if (key.str() == "contexts" && value.is_table()) {
      for (const auto& [name, node] : *value.as_table()) contexts.all.push_back(context_of(name.str(), node, path));
    } else {
      wrong(path, fmt::format("{} is no setting: there are current and [contexts.NAME]", key.str()));
    }
  }
  std::ranges::sort(contexts.all, {}, &Context::name);
  if (!contexts.current.empty() && contexts.find(contexts.current) == nullptr) {
    wrong(path, fmt::format("the current context {} is not there: run `cadastre context use NAME`", contexts.current));
  }
  return contexts;
}

std::string encode_contexts(const Contexts& contexts) {
  std::string text;
  const auto append = [&text](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    (text += name) += " = ";
    json::append_string(text, value);  // a TOML basic string, since no value has a DEL
    text += '\n';
  };
  append("current", contexts.current);
  for (const Context& context : contexts.all) {
    text += fmt::format("\n[contexts.{}]\n", context.name);
    for (const Member& member : members) append(member.name, context.*(member.value));
  }
  return text;
}

Contexts read_contexts() {
  const std::string path = config_path();
  const auto text = read_if_there(path);
  return text ? parse_contexts(*text, path) : Contexts();
}

void write_contexts(const Contexts& contexts) { replace_file(config_path(), encode_contexts(contexts)); }

}  // namespace cadastre

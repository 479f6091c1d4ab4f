#include "verb.h"

#include <CLI/CLI.hpp>

namespace cadastre {

Verb& Verb::argument(const std::string& name, std::string& value, const std::string& help, Presence presence) {
  app_->add_option(name, value, help)->required(presence == Presence::required)->type_name(name);
  return *this;
}

Verb& Verb::argument(const std::string& name, std::int64_t& value, Bounds bounds, const std::string& help) {
  app_->add_option(name, value, help)->required()->type_name(name)->check(CLI::Range(bounds.least, bounds.most));
  return *this;
}

Verb& Verb::option(const std::string& flag, std::string& value, const std::string& value_name, const std::string& help,
                   Presence presence) {
  app_->add_option(flag, value, help)->type_name(value_name)->required(presence == Presence::required);
  return *this;
}

Verb& Verb::option(const std::string& flag, std::vector<std::string>& values, const std::string& value_name,
                   const std::string& help) {
  app_->add_option(flag, values, help + "; may be given again")->type_name(value_name)->allow_extra_args(false);
  return *this;
}

Verb& Verb::option(const std::string& flag, std::optional<std::int64_t>& value, Bounds bounds, const std::string& help,
                   Presence presence) {
  app_->add_option(flag, value, help)
      ->type_name("N")
      ->check(CLI::Range(bounds.least, bounds.most))
      ->required(presence == Presence::required);
  return *this;
}

Verb& Verb::option(const std::string& flag, std::int64_t& value, Bounds bounds, const std::string& help) {
  app_->add_option(flag, value, help)
      ->type_name("N")
      ->check(CLI::Range(bounds.least, bounds.most))
      ->capture_default_str();
  return *this;
}

Verb& Verb::choice(const std::string& flag, std::string& value, const std::vector<std::string>& words,
                   const std::string& help) {
  CLI::Option* const option = app_->add_option(flag, value, help)->check(CLI::IsMember(words));
  if (option->get_positional() && !option->nonpositional()) option->required();
  if (!value.empty()) option->capture_default_str();
  return *this;
}

Verb& Verb::flag(const std::string& flag, bool& value, const std::string& help) {
  app_->add_flag(flag, value, help);
  return *this;
}

Verb& Verb::environment(const std::string& flag, const std::string& variable) {
  app_->get_option(flag)->envname(variable);
  return *this;
}

Verb& Verb::exclude(const std::string& flag, const std::string& other) {
  app_->get_option(flag)->excludes(app_->get_option(other));
  return *this;
}

CLI::App& add_noun(CLI::App& app, const std::string& name, const std::string& help) {
  return *app.add_subcommand(name, help)->require_subcommand(1);
}

Verb add_command(CLI::App& noun, Program& program, const std::string& name, const std::string& help, Command command) {
  CLI::App& verb = *noun.add_subcommand(name, help);
  verb.callback([&program, command = std::move(command)] { program.command = command; });
  return Verb(verb);
}

}  // namespace cadastre

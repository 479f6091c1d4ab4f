#include <fmt/format.h>

#include "tree.h"

namespace cadastre {
namespace {

/// Text in which troff sees no request and no escape, and hyphens stay hyphens to be copied.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

std::string bold(std::string_view text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + plain(text) + "\\fR"; }

std::string heading_of(const OptionEntry& option) {
  if (option.flags.empty()) return italic(option.value);
  std::string text;
  for (const std::string& flag : option.flags) text += (text.empty() ? "" : ", ") + bold(flag);
  if (option.value.empty()) return text;
  if (option.choices.empty()) return text + " " + italic(option.value);
  return text + " " + plain(fmt::format("{}", fmt::join(option.choices, "|")));
}

/// A sentence: what it is, its default, and the variable that gives it too.
std::string sentence_of(const OptionEntry& option) {
  std::string text = option.help;
  if (!option.default_value.empty()) text += fmt::format("; by default {}", option.default_value);
  if (!option.environment.empty()) text += fmt::format("; also {}", option.environment);
  if (option.is_required && !option.flags.empty()) text += "; required";
  return plain(text) + ".";
}

std::string options_of(const CommandEntry& entry) {
  std::string text;
  for (const OptionEntry& option : entry.options) {
    if (!entry.path.empty() && !option.flags.empty() && option.flags.back() == "--help") continue;
    text += fmt::format(".TP\n{}\n{}\n", heading_of(option), sentence_of(option));
  }
  return text;
}

std::string synopsis_of(const CommandEntry& entry) {
  std::string text = bold(fmt::format("cadastre {}", fmt::join(entry.path, " ")));
  for (const OptionEntry& option : entry.options) {
    if (!option.flags.empty()) continue;
    text += option.is_required ? " " + italic(option.value) : " [" + italic(option.value) + "]";
  }
  return text;
}

std::string verb_of(const CommandEntry& entry) {
  const std::string options = options_of(entry);
  const std::string text = fmt::format(".TP\n{}\n{}.\n", synopsis_of(entry), plain(entry.help));
  return options.empty() ? text : text + ".RS\n" + options + ".RE\n";
}

constexpr std::string_view files =
    ".SH FILES\n"
    ".TP\n"
    "\\fI$XDG_CONFIG_HOME/cadastre/config.toml\\fR, or \\fI~/.config/cadastre/config.toml\\fR\n"
    "The contexts: for each a server's URL and where the token, the key and the authorities lie. It holds no secret. "
    "Files\n"
    "that hold one are used only when nobody but their owner can read them (\\fBchmod 600\\fR).\n"
    ".SH ENVIRONMENT\n"
    ".TP\n"
    "\\fBCADASTRE_TOKEN\\fR\n"
    "The token itself. It is never given on the command line, where others on the machine could see it.\n"
    ".PP\n"
    "A flag outweighs the environment, and that the context. A context's files and tenant are used for its own server "
    "only.\n"
    ".SH EXIT STATUS\n"
    ".TP\n\\fB0\\fR\nDone.\n"
    ".TP\n\\fB1\\fR\nRefused: by the server, whose reason is on standard error with its code and the request's id, or "
    "by a check.\n"
    ".TP\n\\fB2\\fR\nUsage: something is misspelt or missing.\n"
    ".TP\n\\fB3\\fR\nInput or output: a file or the server could not be used.\n"
    ".SH SEE ALSO\n"
    "\\fBservice\\-fs\\fR, which reads, verifies and proves the ledger; \\fBservice\\-vm\\-tenant\\fR, the server.\n";

}  // namespace

std::string man_page(const std::vector<CommandEntry>& entries) {
  std::string text =
      ".\\\" Written by `cadastre man`; change the program.\n"
      ".TH CADASTRE 1 \"\" \"Cadastre\" \"User Commands\"\n"
      ".nh\n.ad l\n"
      ".SH NAME\ncadastre \\- tenants, tokens and virtual machines from the command line\n"
      ".SH SYNOPSIS\n\\fBcadastre\\fR [\\fIOPTIONS\\fR] \\fINOUN\\fR \\fIVERB\\fR [\\fIARGUMENTS\\fR]\n"
      ".SH OPTIONS\nThey may stand before or after noun and verb.\n";
  for (const CommandEntry& entry : entries) {
    if (entry.path.empty()) text += options_of(entry) + ".SH COMMANDS\n";
    if (entry.path.size() == 1 && entry.verbs.empty()) text += verb_of(entry);
  }
  for (const CommandEntry& entry : entries) {
    if (entry.path.size() == 1 && !entry.verbs.empty()) {
      text += fmt::format(".SS {}\n{}.\n", plain(entry.path.back()), plain(entry.help));
    }
    if (entry.path.size() > 1) text += verb_of(entry);
  }
  return text + std::string(files);
}

}  // namespace cadastre

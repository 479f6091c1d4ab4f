#include <fmt/format.h>

#include <algorithm>

#include "tree.h"

namespace cadastre {
namespace {

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

std::string joined_flags(const std::vector<OptionEntry>& options) {
  std::vector<std::string> flags;
  for (const OptionEntry& option : options) flags.insert(flags.end(), option.flags.begin(), option.flags.end());
  return joined(flags);
}

/// What a shell offers for the value of an option.
enum class Offer { nothing, files, choices };

Offer offer_of(const OptionEntry& option) {
  if (!option.choices.empty()) return Offer::choices;
  return option.value == "FILE" ? Offer::files : Offer::nothing;
}

/// `pattern) action ;;` for every option that takes a value, each pattern once: the same flag offers the same
/// everywhere.
std::string value_cases(const std::vector<CommandEntry>& entries) {
  std::string text;
  std::vector<std::string> known;
  for (const CommandEntry& entry : entries) {
    for (const OptionEntry& option : entry.options) {
      if (option.value.empty() || option.flags.empty()) continue;
      if (std::ranges::find(known, option.flags.back()) != known.end()) continue;
      known.push_back(option.flags.back());
      std::string action = "return";
      if (offer_of(option) == Offer::files) action = "_cadastre_files; return";
      if (offer_of(option) == Offer::choices)
        action = fmt::format("_cadastre_words \"{}\"; return", joined(option.choices));
      text += fmt::format("    {}) {} ;;\n", fmt::join(option.flags, "|"), action);
    }
  }
  return text;
}

/// What may stand at a place: a verb, or one of the words that its argument knows.
std::vector<std::string> words_at(const CommandEntry& entry) {
  std::vector<std::string> words = entry.verbs;
  for (const OptionEntry& option : entry.options) {
    if (option.flags.empty()) words.insert(words.end(), option.choices.begin(), option.choices.end());
  }
  return words;
}

/// `"vm list") verbs=… ;;` for every place in the tree.
std::string place_cases(const std::vector<CommandEntry>& entries) {
  std::string text;
  const std::string global = entries.empty() ? "" : joined_flags(entries.front().options);
  for (const CommandEntry& entry : entries) {
    const std::string own = entry.path.empty() ? "" : joined_flags(entry.options);
    const bool takes_file = std::ranges::any_of(
        entry.options, [](const OptionEntry& option) { return option.flags.empty() && option.value == "FILE"; });
    text += fmt::format("    \"{}\") verbs=\"{}\"; flags=\"{} {}\"; files={} ;;\n", joined(entry.path),
                        joined(words_at(entry)), own, global, takes_file ? 1 : 0);
  }
  return text;
}

/// `|--url|…|` of every option that takes a value, to skip the value when the place in the tree is sought.
std::string flags_with_value(const std::vector<CommandEntry>& entries) {
  std::string text = "|";
  for (const CommandEntry& entry : entries) {
    for (const OptionEntry& option : entry.options) {
      if (option.value.empty()) continue;
      for (const std::string& flag : option.flags) {
        if (text.find("|" + flag + "|") == std::string::npos) text += flag + "|";
      }
    }
  }
  return text;
}

/// The part that both shells share; `words` is the command line as far as it goes, `current` the word to complete.
std::string body(const std::vector<CommandEntry>& entries) {
  return fmt::format(
      R"(  local place="" verbs="" flags="" files=0 previous="" word i skip=0
  local takes_value="{}"
  for ((i = first; i < current_index; i++)); do
    word="${{words[i]}}"
    previous="$word"
    if ((skip)); then skip=0; previous=""; continue; fi
    if [[ "$takes_value" == *"|$word|"* ]]; then skip=1; continue; fi
    [[ "$word" == -* ]] && continue
    [[ "|{}|" == *"|${{place:+$place }}$word|"* ]] && place="${{place:+$place }}$word"
  done
  case "$previous" in
{}  esac
  case "$place" in
{}  esac
  if [[ "$current" == -* ]]; then _cadastre_words "$flags"; return; fi
  if [[ -n "$verbs" ]]; then _cadastre_words "$verbs"; return; fi
  if ((files)); then _cadastre_files; fi
)",
      flags_with_value(entries),
      [&] {
        std::vector<std::string> places;
        for (const CommandEntry& entry : entries) {
          if (!entry.path.empty()) places.push_back(joined(entry.path));
        }
        return fmt::format("{}", fmt::join(places, "|"));
      }(),
      value_cases(entries), place_cases(entries));
}

}  // namespace

std::string bash_completion(const std::vector<CommandEntry>& entries) {
  return "# bash completion for cadastre; written by `cadastre completion bash`.\n"
         "_cadastre_words() { COMPREPLY=($(compgen -W \"$1\" -- \"$current\")); }\n"
         "_cadastre_files() { COMPREPLY=($(compgen -f -- \"$current\")); }\n"
         "_cadastre() {\n"
         "  local words=(\"${COMP_WORDS[@]}\") first=1 current_index=$COMP_CWORD "
         "current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
         "  COMPREPLY=()\n" +
         body(entries) + "}\ncomplete -o filenames -F _cadastre cadastre\n";
}

std::string zsh_completion(const std::vector<CommandEntry>& entries) {
  return "#compdef cadastre\n"
         "# zsh completion for cadastre; written by `cadastre completion zsh`.\n"
         "_cadastre_words() { compadd -- ${=1} }\n"
         "_cadastre_files() { _files }\n"
         "_cadastre() {\n"
         "  local first=2 current_index=$CURRENT current=\"${words[CURRENT]}\"\n" +
         body(entries) +
         "}\n"
         "# As a file of $fpath this is the function's first call; evaluated, it only announces itself.\n"
         "if [[ \"${funcstack[1]}\" == _cadastre ]]; then _cadastre \"$@\"; else compdef _cadastre cadastre; fi\n";
}

}  // namespace cadastre

// The descriptions made from the tree: complete, and in the form that their readers want.
#include "tree.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>

#include "command_line.h"

namespace cadastre {
namespace {

struct World {
  ManualClock clock{Instant()};
  SeededRandom random{1};
  Program program{.clock = clock, .random = random};
  std::vector<CommandEntry> entries = entries_of(*command_tree(program));

  const CommandEntry& entry(const std::vector<std::string>& path) const {
    const auto found = std::ranges::find(entries, path, &CommandEntry::path);
    REQUIRE(found != entries.end());
    return *found;
  }
};

const OptionEntry& option(const CommandEntry& entry, std::string_view flag) {
  for (const OptionEntry& each : entry.options) {
    if (std::ranges::find(each.flags, flag) != each.flags.end()) return each;
  }
  throw std::runtime_error("there is no such option");
}

TEST_CASE("an entry says what its verb takes") {
  const World world;
  const CommandEntry& program = world.entry({});
  CHECK(std::ranges::find(program.verbs, "vm") != program.verbs.end());
  const OptionEntry& output = option(program, "--output");
  CHECK(output.flags == std::vector<std::string>{"-o", "--output"});
  CHECK(output.choices == std::vector<std::string>{"table", "json"});
  CHECK(output.default_value == "table");
  CHECK(option(program, "--url").environment == "CADASTRE_URL");
  CHECK(option(program, "--token-file").value == "FILE");
  CHECK(option(program, "--allow-plain-http").value.empty());
  const CommandEntry& mint = world.entry({"token", "mint"});
  CHECK(mint.verbs.empty());
  CHECK(option(mint, "--scope").is_required);
  CHECK_FALSE(option(mint, "--caveat").is_required);
  CHECK(world.entry({"key", "create"}).options.back().value != "");
}

TEST_CASE("every verb and every option has words of its own") {
  const World world;
  for (const CommandEntry& entry : world.entries) {
    CAPTURE(fmt::format("{}", fmt::join(entry.path, " ")));
    CHECK_FALSE(entry.help.empty());
    CHECK_FALSE(entry.help.ends_with('.'));
    for (const OptionEntry& each : entry.options) CHECK_FALSE(each.help.empty());
  }
}

TEST_CASE("the manual page names every verb and option, with nothing that troff takes for its own") {
  const World world;
  const std::string page = man_page(world.entries);
  CHECK(page.find("\\fBcadastre vm list\\fR") != std::string::npos);
  CHECK(page.find("\\fBcadastre token get\\fR \\fITOKEN_ID\\fR\n") != std::string::npos);
  CHECK(page.find("\\fBcadastre token revoke\\fR [\\fIID\\fR]\n") != std::string::npos);
  CHECK(page.find("\\fB\\-\\-subject\\-pubkey\\fR \\fIKEY\\fR") != std::string::npos);
  const std::vector<CommandEntry> odd = {{.path = {"x"}, .help = ".so a\\b-c", .options = {}, .verbs = {}}};
  CHECK(man_page(odd).find("\n\\&.so a\\eb\\-c.\n") != std::string::npos);
}

TEST_CASE("both completion scripts know every place in the tree") {
  const World world;
  for (const std::string& script : {bash_completion(world.entries), zsh_completion(world.entries)}) {
    CHECK(script.find("\"token mint\") verbs=\"\"") != std::string::npos);
    CHECK(script.find("-o|--output) _cadastre_words \"table json\"; return ;;") != std::string::npos);
    CHECK(script.find("--token-file) _cadastre_files; return ;;") != std::string::npos);
  }
  CHECK(zsh_completion(world.entries).starts_with("#compdef cadastre\n"));
}

}  // namespace
}  // namespace cadastre

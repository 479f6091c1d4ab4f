#include "base/arguments.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

using Texts = std::vector<std::string>;

Texts outcome(Texts arguments) {
  std::vector<char*> pointers;
  for (std::string& text : arguments) pointers.push_back(text.data());
  const Texts flags = {"--devices"};
  return with_ids_last(pointers, flags);
}

TEST_CASE("ids that look like options come last") {
  const std::string id = "-" + std::string(21, 'A');
  const std::string kid = "-" + std::string(42, '_');
  struct Row {
    const char* name;
    Texts arguments, wanted;
  };
  const Row rows[] = {
      {"nothing", {}, {}},
      {"the program alone", {"p"}, {}},
      {"an id", {"p", "token", "revoke", id, "-o", "json"}, {"token", "revoke", "-o", "json", "--", id}},
      {"a key's", {"p", "keys", "revoke", kid, "--data-dir", "d"}, {"keys", "revoke", "--data-dir", "d", "--", kid}},
      {"one that cannot be mistaken", {"p", "revoke", "A" + id.substr(1)}, {"revoke", "A" + id.substr(1)}},
      {"an option of that length", {"p", "--" + std::string(20, 'a')}, {"--" + std::string(20, 'a')}},
      {"another length", {"p", id + "A"}, {id + "A"}},
      {"no base64url", {"p", "-=" + std::string(20, 'a')}, {"-=" + std::string(20, 'a')}},
      {"an option's value",
       {"p", "issue", "--subject-pubkey", kid, "-o", "x"},
       {"issue", "--subject-pubkey", kid, "-o", "x"}},
      {"after a flag", {"p", "revoke", "--devices", id}, {"revoke", "--devices", "--", id}},
      {"who says it", {"p", "revoke", "--", id}, {"revoke", "--", id}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(outcome(row.arguments) == row.wanted);
  }
}

}  // namespace
}  // namespace cadastre

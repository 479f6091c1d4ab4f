// The file of contexts: read as it was written, and nothing else.
#include "contexts.h"

#include <doctest/doctest.h>

#include "program.h"

namespace cadastre {
namespace {

const Contexts both{.current = "acme",
                    .all = {{.name = "acme",
                             .url = "https://cadastre.example",
                             .token_file = "/home/o/a \"b\"\\c.token",
                             .key_file = "/home/o/acme.key",
                             .ca_file = "/etc/ca.pem",
                             .tenant = "acme-corp"},
                            {.name = "local", .url = "http://127.0.0.1:9221"}}};

TEST_CASE("contexts come back as they were written") {
  CHECK(parse_contexts(encode_contexts(both), "f") == both);
  CHECK(parse_contexts(encode_contexts({}), "f") == Contexts{});
  CHECK(encode_contexts({.current = "", .all = {both.all[1]}}) ==
        "\n[contexts.local]\nurl = \"http://127.0.0.1:9221\"\n");
}

TEST_CASE("a file of another form is refused, naming the file and what is wrong") {
  struct Row {
    std::string_view text, says;
  };
  const Row rows[] = {
      {"current = ", "line 1"},
      {"[contexts.a]\nurl = 1\n", "url of context a must be a string"},
      {"[contexts.a]\n", "context a has no url"},
      {"[contexts.a]\nurl = \"x\"\ntoken = \"y\"\n", "unknown member token"},
      {"[contexts.\"a b\"]\nurl = \"x\"\n", "no context"},
      {"[contexts]\na = 1\n", "\"a\" is no context"},
      {"other = 1\n", "other is no setting"},
      {"current = \"b\"\n[contexts.a]\nurl = \"x\"\n", "the current context b is not there"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    try {
      parse_contexts(row.text, "the-file");
      FAIL("nothing was refused");
    } catch (const Failure& failure) {
      CAPTURE(failure.what());
      CHECK(std::string_view(failure.what()).find("the-file") != std::string_view::npos);
      CHECK(std::string_view(failure.what()).find(row.says) != std::string_view::npos);
      CHECK(failure.code() == ExitCode::input_output);
    }
  }
}

}  // namespace
}  // namespace cadastre

// Which server, and as whom: what outweighs what, and which secrets go where.
#include "settings.h"

#include <doctest/doctest.h>

#include "command_line.h"
#include "service/session_token.h"

namespace cadastre {
namespace {

const Context context{.name = "acme",
                      .url = "https://cadastre.example/",
                      .token_file = "c.token",
                      .key_file = "c.key",
                      .ca_file = "c.pem",
                      .tenant = "acme-corp"};
const Context no_context{.name = "", .url = ""};

TEST_CASE("flags outweigh the environment's token, and that the context's") {
  CHECK(join({}, no_context, "").url == default_url);
  const Settings plain = join({}, context, "");
  CHECK(plain.url == "https://cadastre.example");
  CHECK(plain.token_file == "c.token");
  CHECK(plain.key_file == "c.key");
  CHECK(plain.ca_file == "c.pem");
  CHECK(plain.tenant == "acme-corp");
  CHECK(join({.tenant = "globex"}, context, "").tenant == "globex");
  CHECK(join({.token_file = "f.token"}, context, "t").token_file == "f.token");
  const Settings from_environment = join({}, context, "t");
  CHECK(from_environment.token_file.empty());
  CHECK(credential_of(from_environment) == "t");
}

TEST_CASE("a context's secrets never go to another server") {
  const Settings other = join({.url = "https://other.example"}, context, "");
  CHECK(other.token_file.empty());
  CHECK(other.key_file.empty());
  CHECK(other.tenant.empty());
  CHECK_THROWS_WITH_AS(
      credential_of(other),
      "the token of context acme is for its own server, not for https://other.example: give --token-file", Failure);
  CHECK(join({.url = "https://cadastre.example"}, context, "").token_file == "c.token");
}

TEST_CASE("a token is not sent where others can read it") {
  struct Row {
    const char* url;
    bool is_safe;
  };
  const Row rows[] = {{"http://127.0.0.1:9221", true}, {"http://localhost", true},  {"http://[::1]:1", true},
                      {"https://a.example", true},     {"http://a.example", false}, {"http://127.0.0.1.example", false},
                      {"http://10.0.0.1", false},      {"http://[::2]", false}};
  for (const Row& row : rows) {
    CAPTURE(row.url);
    const Settings settings = join({.url = row.url}, no_context, "");
    CHECK_NOTHROW(server_of(settings, false, false));
    CHECK_NOTHROW(server_of(settings, true, true));
    if (row.is_safe) {
      CHECK_NOTHROW(server_of(settings, true, false));
    } else {
      CHECK_THROWS_AS(server_of(settings, true, false), Failure);
    }
  }
}

TEST_CASE("secrets on the command line are seen before they are used") {
  const auto found = [](std::string argument) {
    char* arguments[] = {argument.data()};
    return has_secret_argument(arguments);
  };
  CHECK(found("eyJhbGciOiJFZERTQSJ9.e30.AAAA"));
  CHECK(found("--token-file=eyJhbGciOiJFZERTQSJ9.e30.AAAA~eyJ.x.y"));
  const std::string session =
      SessionCredential{.tenant = TenantId::parse("acme").value(), .id = {}, .secret = {}}.text();
  CHECK(found(session));
  CHECK(found("--token-file=" + session));
  CHECK_FALSE(found("docs_of.acme.md"));
  CHECK(found("-----BEGIN PRIVATE KEY-----\nMC4C"));
  CHECK_FALSE(found("eyJ.token"));
  CHECK_FALSE(found("admin.token"));
  CHECK_FALSE(found("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
}

}  // namespace
}  // namespace cadastre

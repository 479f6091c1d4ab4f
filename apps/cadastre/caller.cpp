// `cadastre whoami` and `cadastre status`: who the caller is, and what its tenant uses.
#include <fmt/format.h>

#include "api.h"
#include "base/json.h"
#include "verb.h"

namespace cadastre {
namespace {

/// Asks the server what the token is worth, which it also says when it is worth nothing.
ExitCode whoami(Program& program) {
  const Settings settings = settings_of(program.options);
  const std::string credential = credential_of(settings);
  std::string question;
  json::Object(question).field("token", credential).end();
  server_of(settings, true, program.options.allows_plain_http);  // the token is in the body
  Api server(program, settings, "");
  const http::Reply reply = server.send("POST", "/v1/tokens/verify", question);
  if (reply.status == 200) return print_record(program, reply);
  const auto refusal = json::parse(reply.body, 2).value;
  const json::Value* const reason = refusal ? refusal->find("reason") : nullptr;
  const bool is_about_token = reply.status == 401 && reason != nullptr && refusal->find("detail") == nullptr;
  throw Failure(ExitCode::refused,
                is_about_token ? fmt::format("the server does not accept this token ({})", printable(reason->text))
                               : problem_sentence(reply));
}

ExitCode status(Program& program) { return print_record(program, Api(program).call("GET", "/v1/status")); }

}  // namespace

void add_caller_verbs(CLI::App& app, Program& program) {
  add_verb(app, program, "whoami", "what the server makes of the token", whoami);
  add_verb(app, program, "status", "what the token's tenant uses and may use", status);
}

}  // namespace cadastre

// `cadastre session`: a short-lived secret in the place of a token, opened with the key that the token is bound to.
#include <fmt/format.h>

#include <algorithm>

#include "api.h"
#include "body.h"
#include "contexts.h"
#include "files.h"
#include "service/session_token.h"
#include "token/session_proof.h"
#include "verb.h"

namespace cadastre {
namespace {

struct OpenArguments {
  std::string label;
  std::string idle_timeout;
  std::string lifetime;
  std::string save;
  std::string as_context;
};

struct ListArguments {
  std::optional<std::int64_t> limit;
};

struct CloseArguments {
  std::string id;
  bool all = false;
};

void describe_open(Verb& verb, OpenArguments& arguments) {
  verb.option("--label", arguments.label, "TEXT", "a note for the list of sessions")
      .option("--idle-timeout", arguments.idle_timeout, "DURATION", "unused for so long it ends; else 15m")
      .option("--lifetime", arguments.lifetime, "DURATION",
              "it ends after so long in any case; else 8h, or the token's")
      .option("--save", arguments.save, "FILE", "put the credential into this new file instead of showing it")
      .option("--as-context", arguments.as_context, "NAME",
              "keep the server with that file as a context, and make it the current one");
}

void describe_list(Verb& verb, ListArguments& arguments) { add_limit(verb, arguments.limit); }

void describe_close(Verb& verb, CloseArguments& arguments) {
  verb.option("--id", arguments.id, "SESSION_ID", "which one; without it, the session that this call is made with")
      .flag("--all", arguments.all, "every session that one may end")
      .exclude("--all", "--id");
}

std::optional<std::int64_t> seconds_of(const std::string& flag, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto duration = parse_duration(text);
  if (!duration) usage_error(fmt::format("{} must be a duration such as 90s, 15m or 8h", flag));
  return duration->count();
}

std::string text_of(const json::Value& record, std::string_view name) {
  const json::Value* const value = record.find(name);
  if (value == nullptr || value->kind != json::Kind::string)
    file_error(fmt::format("the server's answer has no {}", name));
  return value->text;
}

Bytes<32> bytes_of(const json::Value& record, std::string_view name) {
  const auto bytes = decode_digest(text_of(record, name));
  if (!bytes) file_error(fmt::format("the server's answer has a {} that is none", name));
  return *bytes;
}

/// Signs what the server asks to be signed.
std::string prove(Program& program, const json::Value& challenge, const PrivateKey& key) {
  const std::string audience = text_of(challenge, "aud");
  Bytes<16> id;
  program.random.fill(id);
  return make_session_proof({.audience = audience, .holder = key.public_key(), .rid = bytes_of(challenge, "rid")},
                            bytes_of(challenge, "nonce"), key, id, program.clock.now());
}

/// Keeps the server and the file with the credential under a name, which is the current one from now on.
void keep_context(const OpenArguments& arguments, const Settings& settings, const std::string& tenant) {
  Contexts contexts = read_contexts();
  const Context fresh{.name = arguments.as_context,
                      .url = settings.url,
                      .token_file = absolute_path(arguments.save),
                      .key_file = "",
                      .ca_file = settings.ca_file.empty() ? "" : absolute_path(settings.ca_file),
                      .tenant = tenant};
  if (Context* const known = contexts.find(fresh.name)) {
    *known = fresh;
  } else {
    contexts.all.push_back(fresh);
    std::ranges::sort(contexts.all, {}, &Context::name);
  }
  contexts.current = fresh.name;
  write_contexts(contexts);
}

/// The answer without its credential, which goes into a file.
http::Reply kept(http::Reply reply, json::Value record, const std::string& path) {
  create_secret(path, text_of(record, "credential") + "\n");
  std::erase_if(record.members, [](const json::Member& member) { return member.name == "credential"; });
  reply.body.clear();
  append_json(reply.body, record);
  return reply;
}

void check(const OpenArguments& arguments) {
  require_absent(arguments.save);
  if (arguments.as_context.empty()) return;
  if (arguments.save.empty()) usage_error("a context keeps the name of a file: give --save");
  if (!is_context_name(arguments.as_context)) usage_error("a context's name has 1 to 63 letters, digits, - and _");
}

ExitCode open(Program& program, const OpenArguments& arguments) {
  check(arguments);
  const auto idle_s = seconds_of("--idle-timeout", arguments.idle_timeout);
  const auto lifetime_s = seconds_of("--lifetime", arguments.lifetime);
  const Settings settings = settings_of(program.options);
  if (settings.key_file.empty()) usage_error("the key that the token is bound to is needed: give --key-file");
  const PrivateKey key = read_private_key(settings.key_file);
  Api server(program);
  const std::string proof =
      prove(program, parse_document(server.call("POST", "/v1/sessions/challenges").body, "the server's answer"), key);
  http::Reply reply = server.call("POST", "/v1/sessions",
                                  Body()
                                      .add("proof", proof)
                                      .add("label", arguments.label)
                                      .add("idle_timeout_seconds", idle_s)
                                      .add("lifetime_seconds", lifetime_s)
                                      .text());
  if (arguments.save.empty()) return print_record(program, reply);
  json::Value record = parse_document(reply.body, "the server's answer");
  const json::Value* const tenant = record.find("tenant_id");
  const std::string tenant_id = tenant != nullptr ? tenant->text : "";
  reply = kept(std::move(reply), std::move(record), arguments.save);
  if (!arguments.as_context.empty()) keep_context(arguments, settings, tenant_id);
  return print_record(program, reply);
}

/// One's own, or with `--tenant` those of that tenant.
std::string path_of(const Program& program) {
  if (program.options.tenant.empty()) return "/v1/sessions";
  const auto tenant = TenantId::parse(program.options.tenant);
  if (!tenant) usage_error(fmt::format("--tenant {}", tenant.error().errors.front().detail));
  return fmt::format("/v1/tenants/{}/sessions", tenant->text());
}

ExitCode list(Program& program, const ListArguments& arguments) {
  return print_list(program, "sessions", Api(program).list(path_of(program), "sessions", arguments.limit),
                    {{"SESSION", "session_id"},
                     {"SCOPE", "scope"},
                     {"TOKEN", "token_id"},
                     {"OPENED", "opened_at"},
                     {"SEEN", "seen_at"},
                     {"EXPIRES", "expires_at"},
                     {"FROM", "address"},
                     {"CURRENT", "current"},
                     {"LABEL", "label"}});
}

ExitCode close(Program& program, const CloseArguments& arguments) {
  Api server(program);
  if (arguments.all) return print_record(program, server.call("DELETE", path_of(program)));
  std::string id = arguments.id;
  if (id.empty()) {
    const auto own = SessionCredential::parse(server.credential());
    if (!own) usage_error("say which session with --id, or --all: this call is made with a token");
    id = encode_base64url(own->id);
  }
  return print_record(program, server.call("DELETE", path_of(program) + "/" + escaped(id)));
}

}  // namespace

void add_session_verbs(CLI::App& app, Program& program) {
  CLI::App& session = add_noun(app, "session", "short-lived secrets in the place of a token");
  add_verb<OpenArguments>(session, program, "open", "open one with the key that the token is bound to", describe_open,
                          open);
  add_verb<ListArguments>(session, program, "list", "show the open ones that one may see", describe_list, list);
  add_verb<CloseArguments>(session, program, "close", "end one, or all", describe_close, close);
}

}  // namespace cadastre

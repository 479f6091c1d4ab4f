// `cadastre device`: machines that prove their own keys. An administrator challenges, the device itself enrols and
// renews.
#include <fmt/format.h>

#include "api.h"
#include "body.h"
#include "files.h"
#include "mint.h"
#include "token/enrolment.h"
#include "verb.h"

namespace cadastre {
namespace {

struct ChallengeArguments {
  std::string id;
  std::string subject;
  std::string scope;
  bool needs_approval = false;
  std::string save;
};

struct EnrolArguments {
  std::string challenge;
  std::string expires_in;
  std::string save;
};

struct RenewArguments {
  std::string expires_in;
  std::string save;
};

struct ApproveArguments {
  std::string id;
  std::string fingerprint;
};

struct Arguments {
  std::string id;
};

struct ListArguments {
  std::optional<std::int64_t> limit;
};

constexpr const char* save_help = "put the token into this new file instead of showing it";
constexpr const char* lifetime_help = "how long its token lives, such as 24h or 30d";

void describe_list(Verb& verb, ListArguments& arguments) { add_limit(verb, arguments.limit); }

void describe_id(Verb& verb, Arguments& arguments) { verb.argument("DEVICE_ID", arguments.id, "the device's name"); }

void describe_challenge(Verb& verb, ChallengeArguments& order) {
  verb.argument("DEVICE_ID", order.id, "the device's name: letters, digits, '.', '_' and '-'")
      .option("--subject-pubkey", order.subject, "KEY", std::string(subject_help), Presence::required)
      .option("--scope", order.scope, "SCOPE", "what its tokens may do; service:vm-host unless it is given")
      .flag("--require-approval", order.needs_approval, "its fingerprint must be confirmed before it gets a token")
      .option("--save", order.save, "FILE", "put the challenge into this new file instead of showing it");
}

void describe_enrol(Verb& verb, EnrolArguments& arguments) {
  verb.option("--challenge", arguments.challenge, "FILE",
              "what challenge, or an enrolment that waits, gave; - for standard input", Presence::required)
      .option("--expires-in", arguments.expires_in, "DURATION", lifetime_help)
      .option("--save", arguments.save, "FILE", save_help);
}

void describe_renew(Verb& verb, RenewArguments& arguments) {
  verb.option("--expires-in", arguments.expires_in, "DURATION", lifetime_help)
      .option("--save", arguments.save, "FILE", save_help);
}

void describe_approve(Verb& verb, ApproveArguments& arguments) {
  verb.argument("DEVICE_ID", arguments.id, "the device's name")
      .option("--fingerprint", arguments.fingerprint, "FINGERPRINT",
              "what the device itself shows of its key, compared over another way", Presence::required);
}

std::string device_path(const Api& server, const std::string& id) {
  return server.tenant_path() + "/devices/" + escaped(id);
}

std::optional<std::int64_t> seconds_of(const std::string& lifetime) {
  return lifetime.empty() ? std::nullopt : std::optional<std::int64_t>(lifetime_of(lifetime).count());
}

ExitCode challenge(Program& program, const ChallengeArguments& order) {
  const std::string body = Body()
                               .add("device_id", order.id)
                               .add("subject_pubkey", encode_base64url(subject_key(order.subject)))
                               .add("scope", order.scope)
                               .flag("require_approval", order.needs_approval)
                               .text();
  require_absent(order.save);
  Api server(program);
  const http::Reply reply = server.call("POST", server.tenant_path() + "/devices/challenges", body);
  if (order.save.empty()) return print_record(program, reply);
  create_secret(order.save, reply.body + "\n");
  return ExitCode::ok;
}

/// A challenge as the server gave it, alone or beside the device that waits.
json::Value read_challenge(const std::string& path) {
  json::Value document = parse_document(read_text(path), path);
  const json::Value* const inner = document.find("challenge");
  return inner != nullptr ? json::Value(*inner) : document;
}

std::string member_of(const json::Value& challenge, std::string_view name) {
  const json::Value* const value = challenge.find(name);
  if (value == nullptr || value->kind != json::Kind::string) usage_error(fmt::format("the challenge has no {}", name));
  return value->text;
}

std::string answer_to(const json::Value& challenge, const PrivateKey& key, Program& program) {
  const auto nonce = decode_digest(member_of(challenge, "nonce"));
  if (!nonce) usage_error("the challenge's nonce is none");
  const std::string audience = member_of(challenge, "audience");
  const std::string tenant = member_of(challenge, "tenant_id");
  const std::string device = member_of(challenge, "device_id");
  Bytes<16> id;
  program.random.fill(id);
  return make_enrolment_proof({.key = key.public_key(), .audience = audience, .tenant = tenant, .device = device},
                              *nonce, key, id, s_since_epoch(program.clock.now()));
}

ExitCode enrol(Program& program, const EnrolArguments& arguments) {
  const Settings settings = settings_of(program.options);
  if (settings.key_file.empty()) usage_error("say with --key-file which key the device has");
  const PrivateKey key = read_private_key(settings.key_file);
  const json::Value challenge = read_challenge(arguments.challenge);
  require_absent(arguments.save);
  const std::string body = Body()
                               .add("proof", answer_to(challenge, key, program))
                               .add("expires_in_seconds", seconds_of(arguments.expires_in))
                               .text();
  Api server(program, settings, "");
  http::Reply reply =
      server.call("POST", "/v1/tenants/" + escaped(member_of(challenge, "tenant_id")) + "/devices", body);
  const bool is_waiting = reply.status == 202;
  return print_record(
      program, arguments.save.empty() || is_waiting ? reply : with_token_in_file(std::move(reply), arguments.save));
}

ExitCode list(Program& program, const ListArguments& arguments) {
  Api server(program);
  return print_list(program, "devices", server.list(server.tenant_path() + "/devices", "devices", arguments.limit),
                    {{"DEVICE", "device_id"},
                     {"STATE", "state"},
                     {"SCOPE", "scope"},
                     {"ENROLLED", "enrolled_at"},
                     {"RENEWED", "renewed_at"},
                     {"FINGERPRINT", "fingerprint"}});
}

ExitCode get(Program& program, const Arguments& arguments) {
  Api server(program);
  return print_record(program, server.call("GET", device_path(server, arguments.id)));
}

ExitCode approve(Program& program, const ApproveArguments& arguments) {
  Api server(program);
  return print_record(program, server.call("POST", device_path(server, arguments.id) + "/approve",
                                           Body().add("fingerprint", arguments.fingerprint).text()));
}

ExitCode renew(Program& program, const RenewArguments& arguments) {
  const std::string body = Body().add("expires_in_seconds", seconds_of(arguments.expires_in)).text();
  require_absent(arguments.save);
  Api server(program);
  http::Reply reply = server.call("POST", "/v1/devices/renew", body);
  return print_record(program, arguments.save.empty() ? reply : with_token_in_file(std::move(reply), arguments.save));
}

ExitCode remove(Program& program, const Arguments& arguments) {
  Api server(program);
  return print_record(program, server.call("DELETE", device_path(server, arguments.id)));
}

}  // namespace

void add_device_verbs(CLI::App& app, Program& program) {
  CLI::App& device = add_noun(app, "device", "machines of a tenant that prove their own keys");
  add_verb<ChallengeArguments>(device, program, "challenge", "draw what one device is to sign within five minutes",
                               describe_challenge, challenge);
  add_verb<EnrolArguments>(device, program, "enrol", "on the device: answer a challenge with the key of --key-file",
                           describe_enrol, enrol);
  add_verb<ListArguments>(device, program, "list", "show the tenant's", describe_list, list);
  add_verb<Arguments>(device, program, "get", "show one", describe_id, get);
  add_verb<ApproveArguments>(device, program, "approve", "confirm the key of one that waits", describe_approve,
                             approve);
  add_verb<RenewArguments>(device, program, "renew", "on the device: another token in place of the one it uses",
                           describe_renew, renew);
  add_verb<Arguments>(device, program, "remove", "forget one; its token fails from now on", describe_id, remove);
}

}  // namespace cadastre

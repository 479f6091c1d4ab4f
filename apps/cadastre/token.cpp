// `cadastre token`: the tokens that a server issues and keeps account of; those offline are in offline_token.cpp.
#include <fmt/format.h>

#include "api.h"
#include "body.h"
#include "files.h"
#include "mint.h"
#include "token/jws.h"
#include "verb.h"

namespace cadastre {
namespace {

struct IssueArguments {
  std::string subject;
  std::string scope;
  std::string expires_in;
  std::vector<std::string> caveats;
  std::optional<std::int64_t> delegable_depth;
  bool requires_pop = false;
  std::string label;
  std::string audience;
  std::string save;
};

struct ListArguments {
  std::optional<std::int64_t> limit;
};

void describe_list(Verb& verb, ListArguments& arguments) { add_limit(verb, arguments.limit); }

struct Arguments {
  std::string id;
};

/// What is to end: exactly one of the first four.
struct RevokeArguments {
  std::string id;
  std::string chain;
  std::string key;
  bool all = false;
  bool with_devices = false;
};

void describe_issue(Verb& verb, IssueArguments& order) {
  verb.option("--subject-pubkey", order.subject, "KEY", std::string(subject_help), Presence::required)
      .option("--scope", order.scope, "SCOPE", "READ, USER, INPUT or service:NAME; at most your own",
              Presence::required)
      .option("--expires-in", order.expires_in, "DURATION", "how long it lives, such as 15m, 24h or 7d",
              Presence::required)
      .option("--caveat", order.caveats, "JSON", std::string(caveat_help))
      .option("--delegable-depth", order.delegable_depth, {.least = 0, .most = 8},
              "how many links its holder may add offline")
      .flag("--require-pop", order.requires_pop, "every use must prove possession of the key")
      .option("--label", order.label, "TEXT", "a note for the list of tokens")
      .option("--audience", order.audience, "AUDIENCE", "a service of this deployment: cadastre:DEPLOYMENT/SERVICE")
      .option("--save", order.save, "FILE", "put the token into this new file instead of showing it");
}

void describe_id(Verb& verb, Arguments& arguments) {
  verb.argument("TOKEN_ID", arguments.id, "the token's id, or its rid");
}

void describe_revoke(Verb& verb, RevokeArguments& arguments) {
  verb.argument("ID", arguments.id, "the token's id, or the rid of a token or link, which need not be known here",
                Presence::optional)
      .option("--chain", arguments.chain, "FILE",
              "a file with the text of a token or chain, - for standard input; its last element is meant")
      .option("--key", arguments.key, "KEY",
              "every token and link of this public key: base64url, hex, JWK or OpenSSH, or @FILE")
      .flag("--all", arguments.all, "every token of the tenant issued so far, the one of this call included")
      .flag("--devices", arguments.with_devices,
            "the devices too that were enrolled or approved under what ends; with --all, all of them");
}

std::string order_of(const IssueArguments& order) {
  return Body()
      .add("subject_pubkey", encode_base64url(subject_key(order.subject)))
      .add("scope", order.scope)
      .add("expires_in_seconds", lifetime_of(order.expires_in).count())
      .add("delegable_depth", order.delegable_depth)
      .raw("caveats", caveats_of(order.caveats))
      .flag("require_pop", order.requires_pop)
      .add("label", order.label)
      .add("audience", order.audience)
      .text();
}

ExitCode issue(Program& program, const IssueArguments& order) {
  const std::string body = order_of(order);
  require_absent(order.save);
  Api server(program);
  http::Reply reply = server.call("POST", server.tenant_path() + "/tokens", body);
  return print_record(program, order.save.empty() ? reply : with_token_in_file(std::move(reply), order.save));
}

ExitCode list(Program& program, const ListArguments& arguments) {
  Api server(program);
  return print_list(program, "tokens", server.list(server.tenant_path() + "/tokens", "tokens", arguments.limit),
                    {{"TOKEN", "token_id"},
                     {"SCOPE", "scope"},
                     {"EXPIRES", "expires_at"},
                     {"SEEN", "last_seen"},
                     {"REVOKED", "revoked_at"},
                     {"SUBJECT", "subject_pubkey"},
                     {"LABEL", "label"}});
}

ExitCode list_links(Program& program, const ListArguments& arguments) {
  Api server(program);
  return print_list(program, "links", server.list(server.tenant_path() + "/links", "links", arguments.limit),
                    {{"RID", "rid"},
                     {"SCOPE", "scope"},
                     {"EXPIRES", "expires_at"},
                     {"SEEN", "last_seen"},
                     {"REVOKED", "revoked"},
                     {"DEPTH", "depth"},
                     {"PARENT", "parent"},
                     {"SUBJECT", "subject_pubkey"}});
}

ExitCode get(Program& program, const Arguments& arguments) {
  Api server(program);
  return print_record(program, server.call("GET", server.tenant_path() + "/tokens/" + escaped(arguments.id)));
}

bool is_rid(const std::string& id) { return decode_digest(id).has_value(); }

/// The order for what has no token's id.
std::string order_of(const RevokeArguments& arguments) {
  return Body()
      .add("rid", arguments.id)
      .add("token", arguments.chain.empty() ? "" : read_token(arguments.chain))
      .add("subject_pubkey", arguments.key.empty() ? "" : encode_base64url(subject_key(arguments.key, "--key")))
      .flag("all", arguments.all)
      .text();
}

ExitCode revoke(Program& program, const RevokeArguments& arguments) {
  const int named =
      int{!arguments.id.empty()} + int{!arguments.chain.empty()} + int{!arguments.key.empty()} + int{arguments.all};
  if (named != 1) usage_error("say what ends, and that once: an ID, --chain, --key or --all");
  const std::string devices = Parameters().add("devices", arguments.with_devices ? "true" : "").text();
  if (!arguments.id.empty() && !is_rid(arguments.id)) {
    Api server(program);
    return print_record(program,
                        server.call("DELETE", server.tenant_path() + "/tokens/" + escaped(arguments.id) + devices));
  }
  const std::string order = order_of(arguments);
  Api server(program);
  return print_record(program, server.call("POST", server.tenant_path() + "/revocations" + devices, order));
}

}  // namespace

void add_token_verbs(CLI::App& app, Program& program) {
  CLI::App& token = add_noun(app, "token", "capability tokens: issued by a server, or narrowed offline");
  add_verb<IssueArguments>(token, program, "issue", "have the server issue one", describe_issue, issue);
  add_verb<ListArguments>(token, program, "list", "show the tenant's, revoked and expired ones included", describe_list,
                          list);
  add_verb<ListArguments>(token, program, "links", "show the offline links that were used in the tenant's namespace",
                          describe_list, list_links);
  add_verb<Arguments>(token, program, "get", "show what is kept of one", describe_id, get);
  add_verb<RevokeArguments>(token, program, "revoke",
                            "end a token or link and all that hangs below it, a key's, or all; for ever",
                            describe_revoke, revoke);
  add_offline_token_verbs(token, program);
}

}  // namespace cadastre

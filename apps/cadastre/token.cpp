// `cadastre token`: the tokens that a server issues and keeps account of; those offline are in offline_token.cpp.
#include <fmt/format.h>

#include "api.h"
#include "body.h"
#include "files.h"
#include "mint.h"
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
                     {"DEPTH", "depth"},
                     {"PARENT", "parent"},
                     {"SUBJECT", "subject_pubkey"}});
}

ExitCode get(Program& program, const Arguments& arguments) {
  Api server(program);
  return print_record(program, server.call("GET", server.tenant_path() + "/tokens/" + escaped(arguments.id)));
}

ExitCode revoke(Program& program, const Arguments& arguments) {
  Api server(program);
  return print_record(program, server.call("DELETE", server.tenant_path() + "/tokens/" + escaped(arguments.id)));
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
  add_verb<Arguments>(token, program, "revoke", "end one and all that was issued under it, for ever", describe_id,
                      revoke);
  add_offline_token_verbs(token, program);
}

}  // namespace cadastre

// `cadastre ledger`: what was written, as the server shows it. service-fs is the tool that proves it.
#include <fmt/format.h>

#include <algorithm>

#include "api.h"
#include "verb.h"

namespace cadastre {
namespace {

struct ReadArguments {
  std::vector<std::string> types;
  std::string since;
  std::string until;
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
  std::string order;
  std::string vm;
  std::string token;
  std::string actor;
  std::string request;
  std::optional<std::int64_t> limit;
};

struct ProveArguments {
  std::int64_t seq = 0;
};

void describe_read(Verb& verb, ReadArguments& arguments) {
  constexpr Bounds any_seq{.least = 0, .most = INT64_MAX};
  verb.option("--event-type", arguments.types, "TYPE", "such as TENANT_CREATED")
      .option("--since", arguments.since, "TIME", "entries at or after this time")
      .option("--until", arguments.until, "TIME", "entries before this time")
      .option("--from", arguments.from, any_seq, "the first seq")
      .option("--to", arguments.to, any_seq, "the seq before which to end")
      .choice("--order", arguments.order, {"asc", "desc"}, "oldest or newest first")
      .option("--vm", arguments.vm, "VM_ID", "entries about this VM")
      .option("--token", arguments.token, "TOKEN_ID", "entries made under this token or about it")
      .option("--actor", arguments.actor, "ACTOR", "entries of this kind of actor, token or key")
      .option("--request", arguments.request, "REQUEST_ID", "entries of this request");
  add_limit(verb, arguments.limit);
}

void describe_prove(Verb& verb, ProveArguments& arguments) {
  verb.argument("SEQ", arguments.seq, {.least = 0, .most = INT64_MAX}, "the entry");
}

/// The caller's own log, or that of the tenant that is named.
std::string log_path(const Program& program, const Api& server) {
  const bool is_named = !settings_of(program.options).tenant.empty();
  return is_named ? server.tenant_path() + "/ledger/" : "/v1/ledger/";
}

/// A leaf's `ts`, in milliseconds, as people read a time.
void show_time(json::Value& entry) {
  for (json::Member& member : entry.members) {
    const auto ms = member.name == "ts" ? member.value.integer() : std::nullopt;
    if (!ms) continue;
    member.value.kind = json::Kind::string;
    member.value.text = format_rfc3339(instant_from_ms(*ms));
  }
}

ExitCode read(Program& program, const ReadArguments& arguments) {
  const std::string query = Parameters()
                                .add("type", fmt::format("{}", fmt::join(arguments.types, ",")))
                                .add("since", arguments.since)
                                .add("until", arguments.until)
                                .add("from", arguments.from)
                                .add("to", arguments.to)
                                .add("order", arguments.order)
                                .add("vm_id", arguments.vm)
                                .add("token_id", arguments.token)
                                .add("actor", arguments.actor)
                                .add("request_id", arguments.request)
                                .text();
  Api server(program);
  auto entries = server.list(log_path(program, server) + "entries" + query, "entries", arguments.limit);
  if (program.options.format() == OutputFormat::table) std::ranges::for_each(entries, show_time);
  return print_list(program, "entries", entries,
                    {{"SEQ", "seq"},
                     {"TIME", "ts"},
                     {"TYPE", "type"},
                     {"ACTOR", "actor.kind"},
                     {"TOKEN", "actor.token_id"},
                     {"REQUEST", "request_id"},
                     {"DATA", "data"}});
}

ExitCode checkpoint(Program& program) {
  Api server(program);
  fmt::print("{}", server.call("GET", log_path(program, server) + "checkpoint").body);
  return ExitCode::ok;
}

ExitCode prove(Program& program, const ProveArguments& arguments) {
  Api server(program);
  fmt::print("{}", server.call("GET", fmt::format("{}proof/{}", log_path(program, server), arguments.seq)).body);
  return ExitCode::ok;
}

}  // namespace

void add_ledger_verbs(CLI::App& app, Program& program) {
  CLI::App& ledger = add_noun(app, "ledger", "the log of every change, as the server shows it; service-fs proves it");
  add_verb<ReadArguments>(ledger, program, "read", "show entries", describe_read, read);
  add_verb(ledger, program, "checkpoint", "print the signed checkpoint", checkpoint);
  add_verb<ProveArguments>(ledger, program, "prove",
                           "print a C2SP tlog-proof of one entry, for `service-fs verify --proof`", describe_prove,
                           prove);
}

}  // namespace cadastre

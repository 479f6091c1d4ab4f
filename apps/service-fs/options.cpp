#include "options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <toml++/toml.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "http/client.h"
#include "ledger/note.h"
#include "store/open_store.h"

namespace cadastre {
namespace {

constexpr const char* default_data_dir = "/var/lib/cadastre";
constexpr std::array<std::string_view, 5> filter_keys = {"node-id", "vm-id", "token-id", "actor", "request-id"};

/// What the command line says, before it is checked.
struct Raw {
  std::string config;
  std::string token_file;
  std::string format;
  std::string export_format = "tlog-tiles";
  std::string order = "asc";
  std::vector<std::string> filters;
  std::vector<std::string> types;
  std::string since;
  std::string until;
  bool full = false;
};

[[noreturn]] void wrong(const std::string& what) { throw std::invalid_argument(what); }

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) wrong(fmt::format("cannot read {}", path));
  return text;
}

/// The value, or when no flag gave one, the environment's.
void settle(std::string& value, const char* environment_name) {
  const char* const text = std::getenv(environment_name);  // no thread of ours changes the environment
  if (value.empty() && text != nullptr) value = text;
}

/// What no flag gave, from the environment. A flag that names a place on this machine outweighs a server's URL there.
void apply_environment(Raw& raw, Options& options) {
  if (options.store.empty() && options.data_dir.empty()) settle(options.url, "CADASTRE_URL");
  if (raw.token_file.empty()) settle(options.token, "CADASTRE_TOKEN");
  settle(options.ca_file, "CADASTRE_CA_FILE");
  settle(raw.config, "CADASTRE_CONFIG");
  settle(options.store, "CADASTRE_STORE");
  settle(options.data_dir, "CADASTRE_DATA_DIR");
}

/// Takes `store` and `data-dir` from the server's configuration file, where nothing else gave them.
void apply_config(const std::string& path, Options& options) {
  try {
    const toml::table file = toml::parse_file(path);
    if (options.store.empty()) options.store = file["store"].value_or(std::string());
    if (options.data_dir.empty()) options.data_dir = file["data-dir"].value_or(std::string());
  } catch (const toml::parse_error& error) {
    wrong(fmt::format("cannot read {}: {} (line {})", path, error.description(), error.source().begin.line));
  }
}

/// The store that is named, else the one in the data directory; the data directory that is named, else the store's.
void settle_store(const Raw& raw, Options& options) {
  if (!raw.config.empty()) apply_config(raw.config, options);
  if (options.store.empty()) {
    if (options.data_dir.empty()) options.data_dir = default_data_dir;
    options.store = store_in_folder(options.data_dir);
  }
  if (const auto fault = fault_of_store(options.store)) wrong("--store " + *fault);
  if (options.data_dir.empty()) options.data_dir = folder_of_store(options.store).value_or(default_data_dir);
}

void settle_url(const Raw& raw, Options& options) {
  if (const auto url = http::ServerUrl::parse(options.url); !url) wrong("--url " + url.error().detail);
  if (!raw.token_file.empty()) options.token = file_text(raw.token_file);
  while (!options.token.empty() && (options.token.back() == '\n' || options.token.back() == '\r'))
    options.token.pop_back();
  const auto visible = [](char c) { return '!' <= c && c <= '~'; };
  if (!std::ranges::all_of(options.token, visible)) wrong("the token must be one line of visible ASCII");
}

Instant parse_time(const std::string& flag, const std::string& text) {
  const auto instant = parse_rfc3339(text);
  if (!instant) wrong(fmt::format("{} must be a time such as 2026-11-23T20:05:17Z or a date, not \"{}\"", flag, text));
  return *instant;
}

void settle_filter(const std::string& text, Options& options) {
  const std::size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  if (equals == std::string::npos || equals + 1 == text.size())
    wrong(fmt::format("--filter must be KEY=VALUE, not \"{}\"", text));
  const std::string value = text.substr(equals + 1);
  if (key == "tenant-id") {
    if (!TenantId::parse(value)) wrong(fmt::format("\"{}\" is no tenant id", value));
    options.logs.push_back(value);
  } else if (std::ranges::find(filter_keys, key) != filter_keys.end()) {
    options.filters.push_back({key, value});
  } else {
    wrong(fmt::format("--filter does not know \"{}\": it is one of tenant-id, {}", key, fmt::join(filter_keys, ", ")));
  }
}

void settle_entries(const Raw& raw, Options& options) {
  for (const std::string& filter : raw.filters) settle_filter(filter, options);
  for (const std::string& name : raw.types) {
    const auto type = parse_event_type(name);
    if (!type) wrong(fmt::format("there is no event type \"{}\"", name));
    options.types.push_back(*type);
  }
  if (!raw.since.empty()) options.since = parse_time("--since", raw.since);
  if (!raw.until.empty()) options.until = parse_time("--until", raw.until);
  if (raw.order != "asc" && raw.order != "desc") wrong("--order must be asc or desc");
  options.is_descending = raw.order == "desc";
  if (options.verb != Verb::read && !options.filters.empty()) wrong("this verb knows --filter tenant-id= only");
  std::ranges::sort(options.logs);
  options.logs.erase(std::ranges::unique(options.logs).begin(), options.logs.end());
}

void settle_format(const Raw& raw, Options& options) {
  const bool lines = raw.format == "json" || raw.format == "jsonl";
  if (!raw.format.empty() && !lines && raw.format != "table") wrong("--format must be table, json or jsonl");
  options.format = lines || (raw.format.empty() && ::isatty(STDOUT_FILENO) == 0) ? Format::json_lines : Format::table;
  if (raw.export_format != "tlog-tiles" && raw.export_format != "jsonl") wrong("--format must be tlog-tiles or jsonl");
  options.as_lines = raw.export_format == "jsonl";
}

void settle_verb(const Raw& raw, const Options& options) {
  if (raw.full && options.edge_only) wrong("--edge and --full exclude each other");
  if (options.verb == Verb::verify && options.edge_only && (options.from || options.to)) {
    wrong("--edge excludes --from and --to");
  }
  if (!options.vkey.empty() && !ledger::VerifierKey::parse(options.vkey)) {
    wrong("--vkey must be a verifier key as `service-fs vkey` prints it: NAME+KEY-ID+BASE64");
  }
  if (options.is_history && !options.url.empty()) wrong("--history is read beside the server, not over --url");
  if (!options.proof_file.empty() && options.vkey.empty()) wrong("--proof needs --vkey, the key to check it with");
  const bool one_log = options.verb == Verb::prove || options.verb == Verb::checkpoint ||
                       options.verb == Verb::export_log || options.verb == Verb::tail;
  if (one_log && options.logs.size() > 1) wrong("this verb reads one log");
  if (one_log && options.url.empty() && options.logs.empty()) {
    wrong("say which log: --filter tenant-id=NAME, or --log with a tenant, a log id or \"platform\"");
  }
  if (options.verb == Verb::read && !options.vkey.empty() && options.logs.size() > 1)
    wrong("--vkey belongs to one log");
}

/// CLI11 takes "-1" for a very large number.
const CLI::Validator digits(
    [](const std::string& text) {
      const bool all = !text.empty() && std::ranges::all_of(text, [](char c) { return '0' <= c && c <= '9'; });
      return all ? std::string() : "\"" + text + "\" is not a number from 0 on";
    },
    "NUMBER");

void add_place(CLI::App& verb, Raw& raw, Options& options) {
  verb.add_option("--store", options.store,
                  "sqlite:DIR or postgresql://…; else CADASTRE_STORE, else the data directory");
  verb.add_option("--data-dir", options.data_dir, "the server's; else CADASTRE_DATA_DIR, else /var/lib/cadastre");
  verb.add_option("--config", raw.config, "the server's TOML file; else CADASTRE_CONFIG");
  verb.add_option("--url", options.url, "read from this server instead; else CADASTRE_URL");
  verb.add_option("--ca-file", options.ca_file,
                  "a PEM file with the authorities to trust for --url; else CADASTRE_CA_FILE, else the system's");
  verb.add_option("--token-file", raw.token_file, "a file with the token for --url");
  verb.add_option("--token", options.token,
                  "the token itself, which others on this machine can see; better in CADASTRE_TOKEN");
  verb.add_option("--log", options.logs, "a tenant id, a log id or \"platform\"")->allow_extra_args(false);
  verb.add_option("--vkey", options.vkey, "trust this verifier key, not the one on record");
  verb.add_option("--filter", raw.filters, "KEY=VALUE: tenant-id, node-id, vm-id, token-id, actor or request-id")
      ->allow_extra_args(false);
  verb.add_option("--publish-interval-ms", options.publish_interval_ms,
                  "the server's; entries are waited for twice as long")
      ->check(CLI::Range(1, 60'000));
}

void add_read(CLI::App& verb, Raw& raw, Options& options) {
  verb.add_option("--event-type", raw.types, "such as TENANT_CREATED; may be given again")->allow_extra_args(false);
  verb.add_option("--since", raw.since, "entries at or after this time");
  verb.add_option("--until", raw.until, "entries before this time");
  verb.add_option("--from", options.from, "the first seq")->check(digits);
  verb.add_option("--to", options.to, "the last seq")->check(digits);
  verb.add_option("--limit", options.limit, "at most so many entries")->check(digits);
  verb.add_option("--order", raw.order, "asc or desc");
  verb.add_flag("--complete", options.is_complete, "hash the whole log, to prove that nothing else matches");
}

void add_verify(CLI::App& verb, Raw& raw, Options& options) {
  verb.add_flag("--edge", options.edge_only, "only the checkpoint, the last tiles and the last entries");
  verb.add_flag("--full", raw.full, "everything; the default");
  verb.add_option("--from", options.from, "hash entries from this seq on only")->check(digits);
  verb.add_option("--to", options.to, "hash entries up to this seq only")->check(digits);
  verb.add_option("--checkpoint", options.older_checkpoints, "a file with an older checkpoint that must still hold")
      ->allow_extra_args(false);
  verb.add_option("--proof", options.proof_file, "check this proof file offline, with --vkey; \"-\" is standard input");
}

/// Adds a verb; `--format` is its own, since export's means something else.
CLI::App& add_verb(CLI::App& app, Verb name, const char* text, const char* help, Raw& raw, Options& options) {
  CLI::App& verb = *app.add_subcommand(text, help);
  add_place(verb, raw, options);
  if (name == Verb::export_log) {
    verb.add_option("--format", raw.export_format, "tlog-tiles or jsonl");
  } else {
    verb.add_option("--format", raw.format, "table or jsonl; by default a table on a terminal");
  }
  verb.callback([&options, name] { options.verb = name; });
  return verb;
}

void describe(CLI::App& app, Raw& raw, Options& options) {
  app.require_subcommand(1);
  add_read(add_verb(app, Verb::read, "read", "print matching entries, each proven", raw, options), raw, options);
  add_verify(add_verb(app, Verb::verify, "verify", "compare entries, files and checkpoints", raw, options), raw,
             options);
  CLI::App& prove = add_verb(app, Verb::prove, "prove", "print a C2SP tlog-proof of one entry", raw, options);
  prove.add_option("SEQ", options.seq, "the entry")->check(digits)->required();
  prove.add_option("--output", options.output, "write the proof to this file");
  CLI::App& checkpoint = add_verb(app, Verb::checkpoint, "checkpoint", "print the signed checkpoint", raw, options);
  checkpoint.add_flag("--history", options.is_history, "every checkpoint ever published");
  add_verb(app, Verb::vkey, "vkey", "print the verifier key", raw, options);
  CLI::App& copy = add_verb(app, Verb::export_log, "export", "write the log, verified, into a folder", raw, options);
  copy.add_option("DIR", options.folder, "a folder that does not exist or is empty")->required();
  CLI::App& tail = add_verb(app, Verb::tail, "tail", "print the newest entries", raw, options);
  tail.add_flag("-f,--follow", options.is_following, "go on with new ones");
  tail.add_option("--limit", options.limit, "how many of those that are there to begin with; by default 10")
      ->check(digits);
  tail.add_option("--state", options.state_file, "keep the last checkpoint in this file and go on from it");
}

}  // namespace

std::optional<ExitCode> parse_options(int argc, char** argv, Options& options) {
  CLI::App app("service-fs: the ledger's tool", "service-fs");
  app.footer("Exit codes: 0 ok, 1 verification failed, 2 usage, 3 input or output, 4 no match.");
  Raw raw;
  describe(app, raw, options);
  try {
    if (has_secret({argv, static_cast<std::size_t>(argc)})) wrong(fmt::format("--store {}", secret_advice));
    app.parse(argc, argv);
    apply_environment(raw, options);
    settle_entries(raw, options);
    settle_format(raw, options);
    settle_verb(raw, options);
    if (options.url.empty()) {
      settle_store(raw, options);
    } else {
      settle_url(raw, options);
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? ExitCode::ok : ExitCode::usage;
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "service-fs: {}\n", error.what());
    return ExitCode::usage;
  }
  return std::nullopt;
}

}  // namespace cadastre

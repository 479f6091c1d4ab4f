// What the command line, the environment and the configuration file ask of service-fs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "domain/event.h"

namespace cadastre {

/// The answers of the program (LEDGER.md section 5).
enum class ExitCode { ok = 0, verification_failed = 1, usage = 2, input_output = 3, no_match = 4 };

enum class Verb { read, verify, prove, checkpoint, vkey, export_log, tail };

enum class Format { table, json_lines };

/// A condition on an entry that is no column of the store: `vm-id=…`.
struct Filter {
  std::string key;
  std::string value;
};

struct Options {
  Verb verb = Verb::read;
  Format format = Format::table;

  // Where the log is.
  std::string data_dir;
  std::string store;  ///< As store/open_store.h knows them.
  std::string url;    ///< When not empty, a server's, and the two above are not used.
  std::string token;
  std::string ca_file;            ///< The authorities to trust for `url`; empty: the system's.
  std::vector<std::string> logs;  ///< Tenant ids, `platform` or log ids in hex; empty: all, or one's own.
  std::string vkey;               ///< A verifier key to trust rather than the one on record.

  // Which entries.
  std::vector<Filter> filters;
  std::vector<EventType> types;
  std::optional<Instant> since;
  std::optional<Instant> until;
  std::optional<std::uint64_t> from;
  std::optional<std::uint64_t> to;  ///< Included.
  std::optional<std::uint64_t> limit;
  bool is_descending = false;
  bool is_complete = false;

  // Of single verbs.
  bool edge_only = false;
  std::vector<std::string> older_checkpoints;  ///< Files.
  std::string proof_file;
  std::uint64_t seq = 0;
  std::string output;
  bool is_history = false;
  std::string folder;
  bool as_lines = false;  ///< `export --format jsonl`.
  bool is_following = false;
  std::string state_file;
  std::int64_t publish_interval_ms = 200;
};

/// Reads flags, environment and configuration file. Prints help or what is wrong, and then answers the exit code.
std::optional<ExitCode> parse_options(int argc, char** argv, Options& options);

}  // namespace cadastre

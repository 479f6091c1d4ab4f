#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/json.h"
#include "entry.h"
#include "files.h"
#include "ledger/tlog_proof.h"
#include "verbs.h"

namespace cadastre {
namespace {

ExitCode no_such_entry(const LogName& log, std::uint64_t seq, const char* why) {
  fmt::print(stderr, "service-fs: log {}, index {}: {}\n", log.label(), seq, why);
  return ExitCode::no_match;
}

/// The sizes that have a file in `history/`, ascending.
std::vector<std::uint64_t> history_sizes(const ledger::LogEvidence& evidence) {
  std::vector<std::uint64_t> sizes;
  for (const std::string& name : evidence.list("history")) {
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) sizes.push_back(std::stoull(name));
  }
  std::ranges::sort(sizes);
  return sizes;
}

}  // namespace

ExitCode prove_entry(Source& source, const Options& options) {
  const LogName log = chosen_logs(source, options).front();
  Proofs proofs(source, log);
  if (options.seq >= proofs.checkpoint().size && options.seq >= proofs.evidence().head_now()) {
    return no_such_entry(log, options.seq, "there is no such entry");
  }
  const bool is_covered = proofs.wait_for(options.seq, options.publish_interval_ms);
  if (!proofs.fault().empty()) return report_failure(log, 0, proofs.fault());
  if (!is_covered) return no_such_entry(log, options.seq, "the entry is not yet under a signed checkpoint");
  const auto leaves = proofs.evidence().leaves(options.seq, 1);
  if (leaves.empty() || leaves.front().seq != options.seq)
    return report_failure(log, options.seq, "the entry is missing");
  const std::string& bytes = leaves.front().bytes;
  const auto hashes = proofs.prove(options.seq, bytes);
  if (!hashes) return report_failure(log, options.seq, "the entry is not under the signed checkpoint");
  const std::string text = ledger::encode_proof({bytes, options.seq, *hashes, proofs.note()});
  if (options.output.empty()) {
    fmt::print("{}", text);
  } else {
    write_file(options.output, text);
  }
  return ExitCode::ok;
}

ExitCode print_checkpoint(Source& source, const Options& options) {
  const LogName log = chosen_logs(source, options).front();
  Proofs proofs(source, log);
  if (!proofs.fault().empty()) return report_failure(log, 0, proofs.fault());
  if (proofs.note().empty()) return no_such_entry(log, 0, "nothing was published yet");
  if (!options.is_history) {
    fmt::print("{}", proofs.note());
    return ExitCode::ok;
  }
  const auto key = ledger::VerifierKey::parse(log.vkey).value();
  for (const std::uint64_t size : history_sizes(proofs.evidence())) {
    const auto note = proofs.evidence().files(fmt::format("history/{}", size));
    const auto opened = note ? open_checkpoint(*note, key) : refuse(Code::not_found, "checkpoint", "is missing");
    if (!opened) return report_failure(log, size, fmt::format("history/{} {}", size, opened.error().detail));
    fmt::print("{}{}", *note, size == proofs.checkpoint().size ? "" : "\n");
  }
  return ExitCode::ok;
}

ExitCode print_vkeys(Source& source, const Options& options) {
  const auto logs = chosen_logs(source, options);
  for (const LogName& log : logs) {
    if (logs.size() == 1 && options.format == Format::table) {
      fmt::print("{}\n", log.vkey);
    } else if (options.format == Format::table) {
      fmt::print("{}  {}\n", log.label(), log.vkey);
    } else {
      std::string out;
      json::Object line(out);
      line.field("log_id", encode_hex(log.log_id));
      if (log.tenant.is_platform())
        line.null("tenant_id");
      else
        line.field("tenant_id", log.tenant.text());
      line.field("vkey", log.vkey).end();
      fmt::print("{}\n", out);
    }
  }
  return logs.empty() ? ExitCode::no_match : ExitCode::ok;
}

}  // namespace cadastre

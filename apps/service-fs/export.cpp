#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "entry.h"
#include "files.h"
#include "verbs.h"

namespace cadastre {
namespace {

constexpr std::size_t page_size = 1000;

/// Calls `visit` with each leaf below `size`; they have been verified before.
template <class Visit>
void for_each(const ledger::LogEvidence& evidence, std::uint64_t size, Visit visit) {
  for (std::uint64_t next = 0; next < size;) {
    const auto page = evidence.leaves(next, std::min<std::uint64_t>(page_size, size - next));
    if (page.empty()) throw StoreFailure(fmt::format("entry {} is gone", next));
    for (const ledger::StoredLeaf& leaf : page) visit(leaf);
    next = page.back().seq + 1;
  }
}

/// Writes the log's files and answers its root.
ledger::Hash write_tiles(const ledger::LogEvidence& evidence, std::uint64_t size, const std::string& folder) {
  ledger::TileBuilder builder;
  const auto sink = [&](const ledger::TileId& tile, std::string_view bytes) {
    write_file(folder + '/' + tile_path(tile), bytes);
  };
  for_each(evidence, size, [&](const ledger::StoredLeaf& leaf) { builder.append(leaf.bytes, sink); });
  builder.partials(sink);
  return builder.root();
}

std::string lines_header(const LogName& log, const ledger::Checkpoint& checkpoint) {
  return fmt::format(
      "# The ledger of {}: {} entries, one a line, each the bytes that were hashed.\n"
      "# The hash of line N of those without '#', the entry of seq N-1 (RFC 6962 section 2.1), is that of a zero byte\n"
      "# and the line without its end:\n"
      "#   {{ printf '\\000'; grep -v '^#' ledger.jsonl | sed -n Np | tr -d '\\n'; }} | sha256sum\n"
      "# Origin: {}\n# Root: {}\n# Verifier key: {}\n",
      log.label(), checkpoint.size, checkpoint.origin, encode_base64(checkpoint.root), log.vkey);
}

/// Writes the entries as lines and answers their root.
ledger::Hash write_lines(const ledger::LogEvidence& evidence, const LogName& log, const ledger::Checkpoint& checkpoint,
                         const std::string& folder) {
  ledger::Frontier frontier;
  std::string text = lines_header(log, checkpoint);
  for_each(evidence, checkpoint.size, [&](const ledger::StoredLeaf& leaf) {
    frontier.append(ledger::leaf_hash(as_bytes(leaf.bytes)));
    text += leaf.bytes + '\n';
  });
  write_file(folder + "/ledger.jsonl", text);
  return frontier.root();
}

}  // namespace

ExitCode export_log(Source& source, const Options& options) {
  std::error_code fault;
  if (std::filesystem::exists(options.folder, fault) && !std::filesystem::is_empty(options.folder, fault)) {
    fmt::print(stderr, "service-fs: {} is not empty\n", options.folder);
    return ExitCode::usage;
  }
  const LogName log = chosen_logs(source, options).front();
  const auto findings = source.check(log, {});
  for (const ledger::Finding& finding : findings) report_failure(log, finding.index, finding.what);
  if (!findings.empty()) return ExitCode::verification_failed;
  Proofs proofs(source, log);
  if (!proofs.fault().empty()) return report_failure(log, 0, proofs.fault());
  const ledger::Checkpoint& checkpoint = proofs.checkpoint();
  const auto& evidence = proofs.evidence();
  const auto root = options.as_lines ? write_lines(evidence, log, checkpoint, options.folder)
                                     : write_tiles(evidence, checkpoint.size, options.folder);
  if (root != checkpoint.root) return report_failure(log, checkpoint.size, "the log changed during the export");
  write_file(options.folder + "/checkpoint", proofs.note());
  write_file(options.folder + "/vkey", log.vkey + '\n');
  fmt::print(stderr, "{} entries of {} written to {}\n", checkpoint.size, log.label(), options.folder);
  return ExitCode::ok;
}

}  // namespace cadastre

#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "base/time.h"
#include "entry.h"
#include "files.h"
#include "ledger/event.h"
#include "verbs.h"

namespace cadastre {
namespace {

constexpr std::uint64_t entries_at_first = 10;
constexpr std::size_t page_size = 1000;

volatile std::sig_atomic_t is_stopped = 0;

void stop(int) { is_stopped = 1; }

/// Prints what comes after a checkpoint that was seen, and only if the log still begins with it.
class Tail {
 public:
  Tail(Source& source, const LogName& log, const Options& options)
      : log_(log), options_(options), printer_(options.format), proofs_(source, log) {}

  /// Takes up the state file, or the last entries.
  ExitCode begin() {
    if (!proofs_.fault().empty()) return report_failure(log_, 0, proofs_.fault());
    const std::uint64_t size = proofs_.checkpoint().size;
    next_ = size - std::min(size, options_.limit.value_or(entries_at_first));
    const auto state = options_.state_file.empty() ? std::nullopt : read_file(options_.state_file);
    if (!state) return advance();
    const auto key = ledger::VerifierKey::parse(log_.vkey).value();
    const auto seen = open_checkpoint(*state, key);
    if (!seen) {
      return report_failure(log_, 0, fmt::format("the state file {} {}", options_.state_file, seen.error().detail));
    }
    seen_ = *state;
    next_ = seen->size;
    return advance();
  }

  ExitCode step() {
    proofs_.refresh();
    if (!proofs_.fault().empty()) return report_failure(log_, 0, proofs_.fault());
    return proofs_.note() == seen_ ? ExitCode::ok : advance();
  }

 private:
  /// Checks the newest checkpoint against the one seen before, then prints the entries between.
  ExitCode advance() {
    if (!seen_.empty()) {
      ledger::AuditResult newest;
      newest.size = proofs_.checkpoint().size;
      newest.root = proofs_.checkpoint().root;
      const auto finding = audit_older(proofs_.evidence(), newest, seen_);
      if (finding) return report_failure(log_, finding->index, finding->what);
    }
    while (next_ < proofs_.checkpoint().size) {
      if (is_stopped != 0) return ExitCode::ok;  // what was printed is not noted: better twice than never
      const std::uint64_t wanted = std::min<std::uint64_t>(page_size, proofs_.checkpoint().size - next_);
      const auto page = proofs_.evidence().leaves(next_, wanted);
      if (page.empty()) return report_failure(log_, next_, "the entry is missing");
      for (const ledger::StoredLeaf& leaf : page) {
        const ExitCode outcome = print(leaf);
        if (outcome != ExitCode::ok) return outcome;
      }
    }
    std::fflush(stdout);
    seen_ = proofs_.note();
    if (!options_.state_file.empty() && !seen_.empty()) write_file(options_.state_file, seen_);
    return ExitCode::ok;
  }

  ExitCode print(const ledger::StoredLeaf& leaf) {
    const auto record = ledger::decode_leaf(leaf.bytes);
    if (leaf.seq != next_ || !record || !proofs_.prove(leaf.seq, leaf.bytes)) {
      return report_failure(log_, next_, "the entry is missing or not under the signed checkpoint");
    }
    printer_.print(leaf, *record, Standing::included, proofs_.checkpoint().size);
    ++next_;
    return ExitCode::ok;
  }

  const LogName& log_;
  const Options& options_;
  EntryPrinter printer_;
  Proofs proofs_;
  std::uint64_t next_ = 0;
  std::string seen_;  ///< The note of the last checkpoint whose entries were printed.
};

}  // namespace

ExitCode tail_log(Source& source, const Options& options) {
  const LogName log = chosen_logs(source, options).front();
  if (options.is_following) {
    std::signal(SIGINT, stop);
    std::signal(SIGTERM, stop);
  }
  Tail tail(source, log, options);
  ExitCode outcome = tail.begin();
  if (!options.is_following) return outcome;
  while (outcome == ExitCode::ok && is_stopped == 0) {
    rest_for(std::chrono::milliseconds(options.publish_interval_ms));
    outcome = tail.step();
  }
  return outcome;
}

}  // namespace cadastre

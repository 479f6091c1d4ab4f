#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <deque>

#include "entry.h"
#include "ledger/event.h"
#include "verbs.h"

namespace cadastre {
namespace {

constexpr std::size_t page_size = 1000;

struct Hit {
  ledger::StoredLeaf leaf;
  ledger::LeafRecord record;
  Standing standing = Standing::included;
};

/// Reads one log: finds, proves, prints.
class LogReading {
 public:
  LogReading(Source& source, const LogName& log, const Options& options, std::uint64_t limit, EntryPrinter& printer)
      : source_(source), log_(log), options_(options), limit_(limit), printer_(printer), proofs_(source, log) {}

  ExitCode run() {
    const ExitCode outcome = options_.is_complete ? scan_all() : scan_pages();
    return outcome;
  }
  std::uint64_t printed() const { return printed_; }
  std::uint64_t pending() const { return pending_; }
  std::uint64_t checkpoint_size() const { return proofs_.checkpoint().size; }

 private:
  ExitCode fail(std::uint64_t seq, std::string_view what) { return report_failure(log_, seq, what); }

  /// Follows the store's answers page by page, until there are enough.
  ExitCode scan_pages() {
    LeafQuery query = query_of(options_);
    query.limit = page_size;
    while (printed_ < limit_) {
      const auto page = source_.leaves(log_, query);
      for (const ledger::StoredLeaf& leaf : page) {
        const auto record = ledger::decode_leaf(leaf.bytes);
        if (!record || record->seq != leaf.seq)
          return fail(leaf.seq, "the stored leaf is not one that was written here");
        if (!matches(*record, options_)) continue;
        const ExitCode outcome = prove_and_print({leaf, *record});
        if (outcome != ExitCode::ok || printed_ == limit_) return outcome;
      }
      if (page.size() < query.limit) break;
      const bool up = query.order == Order::ascending;
      (up ? query.from : query.to) = page.back().seq + (up ? 1 : 0);
    }
    return ExitCode::ok;
  }

  ExitCode prove_and_print(const Hit& hit) {
    const std::uint64_t seq = hit.leaf.seq;
    const bool is_covered = proofs_.wait_for(seq, may_wait_ ? options_.publish_interval_ms : 0);
    if (!proofs_.fault().empty()) return fail(0, proofs_.fault());
    if (!is_covered) {
      may_wait_ = false;  // the publisher is not there; one wait is enough
      ++pending_;
    } else if (!proofs_.prove(seq, hit.leaf.bytes)) {
      return fail(seq, "the entry is not under the signed checkpoint");
    }
    const Standing standing = is_covered ? Standing::included : Standing::pending;
    printer_.print(hit.leaf, hit.record, standing, proofs_.checkpoint().size);
    ++printed_;
    return ExitCode::ok;
  }

  /// Prints what matches, of the leaves up to the checkpoint and of those that still wait for one.
  ExitCode scan_all() {
    std::deque<Hit> hits;
    wait_for_publisher();
    if (!proofs_.fault().empty()) return fail(0, proofs_.fault());
    ExitCode outcome = hash_all(hits);
    if (outcome == ExitCode::ok) outcome = find_pending(hits);
    if (outcome != ExitCode::ok) return outcome;
    for (const Hit& hit : hits) {
      printer_.print(hit.leaf, hit.record, hit.standing, proofs_.checkpoint().size);
      if (hit.standing == Standing::pending) ++pending_;
    }
    printed_ = hits.size();
    return ExitCode::ok;
  }

  /// Until what is asked for of the leaves that are there now is under a checkpoint.
  void wait_for_publisher() {
    const std::uint64_t head = proofs_.evidence().head_now();
    if (head > 0) proofs_.wait_for(std::min(head - 1, options_.to.value_or(UINT64_MAX)), options_.publish_interval_ms);
  }

  /// Hashes every leaf up to the checkpoint: then what did not match is proven not to be there.
  ExitCode hash_all(std::deque<Hit>& hits) {
    const ledger::Checkpoint& checkpoint = proofs_.checkpoint();
    ledger::Frontier frontier;
    while (frontier.size() < checkpoint.size) {
      const auto page = proofs_.evidence().leaves(frontier.size(), page_size);
      if (page.empty()) return fail(frontier.size(), "the entry is missing");
      for (const ledger::StoredLeaf& leaf : page) {
        if (frontier.size() == checkpoint.size) break;
        const auto record = ledger::decode_leaf(leaf.bytes);
        if (leaf.seq != frontier.size() || !record || record->seq != leaf.seq) {
          return fail(frontier.size(), "the entry is missing or not one that was written here");
        }
        frontier.append(ledger::leaf_hash(as_bytes(leaf.bytes)));
        if (matches(*record, options_)) keep(hits, {leaf, *record, Standing::included});
      }
    }
    return frontier.root() == checkpoint.root ? ExitCode::ok : locate_failure();
  }

  ExitCode find_pending(std::deque<Hit>& hits) {
    LeafQuery query = query_of(options_);
    query.order = Order::ascending;
    query.from = std::max(query.from, proofs_.checkpoint().size);
    query.limit = page_size;
    for (bool more = query.from < query.to; more;) {
      const auto page = source_.leaves(log_, query);
      for (const ledger::StoredLeaf& leaf : page) {
        const auto record = ledger::decode_leaf(leaf.bytes);
        if (!record || record->seq != leaf.seq)
          return fail(leaf.seq, "the stored leaf is not one that was written here");
        if (matches(*record, options_)) keep(hits, {leaf, *record, Standing::pending});
        query.from = leaf.seq + 1;
      }
      more = page.size() == query.limit;
    }
    return ExitCode::ok;
  }

  void keep(std::deque<Hit>& hits, Hit hit) {
    if (!options_.is_descending) {
      if (hits.size() < limit_) hits.push_back(std::move(hit));
      return;
    }
    hits.push_front(std::move(hit));
    if (hits.size() > limit_) hits.pop_back();
  }

  /// The whole log does not hash to the signed root: says where.
  ExitCode locate_failure() {
    const auto result = audit_full(proofs_.evidence());
    const bool found = !result.findings.empty();
    return found ? fail(result.findings.front().index, result.findings.front().what)
                 : fail(proofs_.checkpoint().size - 1, "the entries do not hash to the signed root");
  }

  Source& source_;
  const LogName& log_;
  const Options& options_;
  const std::uint64_t limit_;
  EntryPrinter& printer_;
  Proofs proofs_;
  std::uint64_t printed_ = 0;
  std::uint64_t pending_ = 0;
  bool may_wait_ = true;
};

std::string counted(std::uint64_t count, std::string_view noun_one, std::string_view noun_many) {
  return fmt::format("{} {}", count, count == 1 ? noun_one : noun_many);
}

std::string sentence(std::uint64_t matches, std::uint64_t pending, bool is_complete, std::string_view where) {
  if (matches == 0) {
    return is_complete ? "no entry matches: every one was hashed, up to the size of the signed checkpoint"
                       : "no entry was found; that none matches is proven only with --complete";
  }
  std::string text = counted(matches, "entry", "entries") + ", ";
  if (pending == 0) {
    text += fmt::format("included under {}", where);
  } else {
    text += fmt::format("{} included under {}, {} pending: not yet under a signed checkpoint", matches - pending, where,
                        pending);
  }
  text += is_complete ? "; every entry was hashed: up to that size no other one matches"
                      : "; that no other one matches is proven only with --complete";
  return text;
}

}  // namespace

ExitCode read_entries(Source& source, const Options& options) {
  EntryPrinter printer(options.format);
  std::uint64_t matched = 0;
  std::uint64_t pending = 0;
  const auto logs = chosen_logs(source, options);
  std::string where = logs.size() == 1 ? "" : "the signed checkpoint of its log";
  for (const LogName& log : logs) {
    const std::uint64_t limit = options.limit.value_or(UINT64_MAX) - matched;
    if (limit == 0) break;
    LogReading reading(source, log, options, limit, printer);
    const ExitCode outcome = reading.run();
    if (outcome != ExitCode::ok) return outcome;
    matched += reading.printed();
    pending += reading.pending();
    if (logs.size() == 1)
      where = fmt::format("the signed checkpoint of size {} of {}", reading.checkpoint_size(), log.label());
  }
  printer.summary(sentence(matched, pending, options.is_complete, where), matched, options.is_complete);
  return matched == 0 ? ExitCode::no_match : ExitCode::ok;
}

}  // namespace cadastre

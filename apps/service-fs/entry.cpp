#include "entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/json.h"
#include "base/time.h"
#include "ledger/event.h"

namespace cadastre {
namespace {

constexpr std::int64_t poll_interval_ms = 20;  // a tenth of the publisher's usual interval

/// A member of `data` that is a string equal to `value`.
bool data_has(const ledger::LeafRecord& leaf, std::string_view name, std::string_view value) {
  const json::Value* const member = leaf.data.find(name);
  return member != nullptr && member->kind == json::Kind::string && member->text == value;
}

bool matches(const ledger::LeafRecord& leaf, const Filter& filter) {
  const std::string& value = filter.value;
  if (filter.key == "vm-id") return data_has(leaf, "vm_id", value);
  if (filter.key == "node-id") return data_has(leaf, "node_id", value);
  if (filter.key == "request-id") return leaf.request_id == value;
  if (filter.key == "token-id") return leaf.actor.token_id == value || data_has(leaf, "token_id", value);
  return leaf.actor.kind == value || leaf.actor.subject_key == value || leaf.actor.token_id == value;  // actor
}

/// Text for a terminal: what could move its cursor is shown as `?`.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : printable(text); }

std::string_view name_of(Standing standing) { return standing == Standing::included ? "included" : "pending"; }

}  // namespace

bool matches(const ledger::LeafRecord& leaf, const Options& options) {
  if (!options.types.empty() && std::ranges::find(options.types, leaf.type) == options.types.end()) return false;
  if (leaf.seq < options.from.value_or(0) || leaf.seq > options.to.value_or(UINT64_MAX)) return false;
  if (options.since && leaf.ts < *options.since) return false;
  if (options.until && leaf.ts >= *options.until) return false;
  return std::ranges::all_of(options.filters, [&](const Filter& filter) { return matches(leaf, filter); });
}

LeafQuery query_of(const Options& options) {
  LeafQuery query;
  query.from = options.from.value_or(0);
  if (options.to && *options.to != UINT64_MAX) query.to = *options.to + 1;
  query.types = options.types;
  query.since = options.since;
  query.until = options.until;
  query.order = options.is_descending ? Order::descending : Order::ascending;
  return query;
}

void Proofs::refresh() {
  evidence_ = source_.evidence(log_);
  fault_.clear();
  checkpoint_ = {};
  checkpoint_.root = ledger::empty_root();
  // At the first publication the file follows what the store has; that it stays away is for `verify` to find.
  note_ = evidence_->checkpoint_file ? *evidence_->checkpoint_file : evidence_->stored_checkpoint.value_or("");
  tree_.emplace(0, evidence_->files);
  if (note_.empty()) return;  // nothing was published yet
  const auto key = ledger::VerifierKey::parse(log_.vkey);
  if (!key) {
    fault_ = fmt::format("the verifier key {}", key.error().detail);
  } else if (auto opened = open_checkpoint(note_, *key)) {
    checkpoint_ = *std::move(opened);
    tree_.emplace(checkpoint_.size, evidence_->files);
  } else {
    fault_ = fmt::format("the checkpoint {}", opened.error().detail);
  }
}

bool Proofs::wait_for(std::uint64_t seq, std::int64_t publish_interval_ms) {
  for (std::int64_t waited_ms = 0; checkpoint_.size <= seq; waited_ms += poll_interval_ms) {
    if (!fault_.empty() || waited_ms >= 2 * publish_interval_ms) return false;
    rest_for(std::chrono::milliseconds(poll_interval_ms));
    refresh();
  }
  return true;
}

std::optional<std::vector<ledger::Hash>> Proofs::prove(std::uint64_t seq, std::string_view bytes) {
  auto proof = ledger::inclusion_proof(seq, checkpoint_.size, tree_->reader());
  const ledger::Hash leaf = ledger::leaf_hash(as_bytes(bytes));
  if (!proof || !ledger::verify_inclusion(leaf, seq, checkpoint_.size, *proof, checkpoint_.root)) return std::nullopt;
  return proof;
}

void EntryPrinter::print(const ledger::StoredLeaf& leaf, const ledger::LeafRecord& record, Standing standing,
                         std::uint64_t size) {
  if (format_ == Format::json_lines) {
    // The leaf's own bytes but for the last brace, so that what was hashed can be seen.
    fmt::print("{},\"proof\":{{\"checkpoint_size\":{},\"status\":\"{}\"}}}}\n",
               std::string_view(leaf.bytes).substr(0, leaf.bytes.size() - 1), size, name_of(standing));
    return;
  }
  constexpr const char* row = "{:>8}  {:<24}  {:<22}  {:<16}  {:<22}  {:<8}  {}\n";
  if (!has_header_) fmt::print(row, "SEQ", "TIME", "TYPE", "ACTOR", "TOKEN", "PROOF", "DATA");
  has_header_ = true;
  fmt::print(row, leaf.seq, format_rfc3339(record.ts), cadastre::name_of(record.type), or_dash(record.actor.kind),
             or_dash(record.actor.token_id), name_of(standing), printable(json::canonical(record.data).value_or("")));
}

void EntryPrinter::summary(const std::string& sentence, std::uint64_t matches, bool is_complete) {
  if (format_ == Format::table) {
    fmt::print("{}\n", sentence);
    return;
  }
  std::string out;
  json::Object proven(json::Object(out).key("proven"));
  proven.field("complete", is_complete)
      .field("matches", static_cast<std::int64_t>(matches))
      .field("says", sentence)
      .end();
  fmt::print("{}}}\n", out);
}

}  // namespace cadastre

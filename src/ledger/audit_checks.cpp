#include "ledger/audit_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cadastre::ledger {
namespace {

/// Opens one note of the log; a finding when it does not open.
std::optional<Checkpoint> open(std::string_view note, const VerifierKey& key, std::string_view where,
                               AuditResult& result) {
  auto checkpoint = open_checkpoint(note, key);
  if (checkpoint) return *std::move(checkpoint);
  Findings(result).add(
      0, fmt::format("the checkpoint {}: {} {}", where, checkpoint.error().subject, checkpoint.error().detail));
  return std::nullopt;
}

/// Whether the bytes end as a leaf of this log and this row does. Members come in order of their names, so everything
/// that a row repeats stands at the end; no text inside a string can look so, for its quotes would be escaped.
/// Many times faster than reading the leaf.
bool ends_as_row_says(const LogEvidence& log, const StoredLeaf& leaf) {
  const std::string tenant = log.tenant.is_platform() ? "null" : '"' + log.tenant.text() + '"';
  const std::string end = fmt::format(R"(,"seq":{},"tenant_id":{},"ts":{},"type":"{}","v":1}})", leaf.seq, tenant,
                                      ms_since_epoch(leaf.ts), name_of(leaf.type));
  constexpr std::string_view log_id_member = R"(,"log_id":")";
  const std::size_t at = leaf.bytes.rfind(log_id_member);
  return leaf.bytes.ends_with(end) && at != std::string::npos &&
         leaf.bytes.compare(at + log_id_member.size(), 2 * log.log_id.size(), encode_hex(log.log_id)) == 0;
}

/// What is wrong between a leaf's bytes and its row; empty when nothing is.
std::string_view disagreement(const LogEvidence& log, const StoredLeaf& leaf) {
  const bool creation = leaf.type == EventType::tenant_created && !log.tenant.is_platform();
  if (!log.tenant.is_platform() && creation != (leaf.seq == 0)) return "TENANT_CREATED is seq 0 and only seq 0";
  if (leaf.bytes.size() <= leaf_bytes_max && ends_as_row_says(log, leaf)) return {};
  const auto record = decode_leaf(leaf.bytes);
  if (!record) return "the leaf is not canonical";
  if (record->log_id != log.log_id || record->tenant != log.tenant) return "the leaf is that of another log";
  if (record->seq != leaf.seq) return "the leaf has another seq than its row";
  if (record->ts != leaf.ts) return "the leaf has another ts than its row";
  return "the leaf has another type than its row";
}

}  // namespace

std::string differs(std::string_view what, const Hash& wanted, const Hash& found) {
  return fmt::format("{}: {} expected, {} found", what, encode_hex(wanted), encode_hex(found));
}

std::string log_label(const TenantId& tenant, const LogId& log) {
  return fmt::format("{} ({})", tenant.is_platform() ? "platform" : tenant.text(), encode_hex(log));
}

void Findings::add(std::uint64_t index, std::string what) {
  if (result_.findings.size() < findings_max) result_.findings.push_back({index, std::move(what)});
}

Result<Checkpoint> open_past_checkpoint(const LogEvidence& log, std::string_view note) {
  const VerifierKey key = TRY(VerifierKey::parse(log.vkey));
  auto checkpoint = open_checkpoint(note, key);
  if (checkpoint || !log.earlier_vkeys) return checkpoint;
  for (const std::string& vkey : log.earlier_vkeys()) {
    const auto earlier = VerifierKey::parse(vkey);
    auto opened = earlier ? open_checkpoint(note, *earlier) : std::unexpected(earlier.error());
    if (opened) return opened;
  }
  return checkpoint;
}

std::vector<Checkpoint> check_checkpoints(const LogEvidence& log, AuditResult& result) {
  std::vector<Checkpoint> opened;
  const auto key = VerifierKey::parse(log.vkey);
  if (!key) {
    Findings(result).add(0, fmt::format("the log's verifier key {}", key.error().detail));
    return opened;
  }
  if (log.stored_checkpoint) {
    if (auto checkpoint = open(*log.stored_checkpoint, *key, "in the store", result)) opened.push_back(*checkpoint);
    if (!log.checkpoint_file) Findings(result).add(0, "the published checkpoint is missing");
  }
  // Usually both are the same bytes, and one signature is checked for both.
  if (log.checkpoint_file && log.checkpoint_file != log.stored_checkpoint) {
    const auto checkpoint = open(*log.checkpoint_file, *key, "published", result);
    const std::uint64_t stored_size = opened.empty() ? 0 : opened.front().size;
    if (checkpoint && checkpoint->size > stored_size) {
      Findings(result).add(stored_size, fmt::format("the published checkpoint has {} leaves, the store's only {}",
                                                    checkpoint->size, stored_size));
    }
    if (checkpoint && opened.size() == 1 && checkpoint->size == stored_size && checkpoint->root != opened[0].root) {
      Findings(result).add(0, differs("two checkpoints of one size differ", opened[0].root, checkpoint->root));
    }
    if (checkpoint) opened.push_back(*checkpoint);
  }
  for (const Checkpoint& checkpoint : opened) {
    if (checkpoint.size <= result.size) continue;
    result.size = checkpoint.size;
    result.root = checkpoint.root;
  }
  return opened;
}

void check_head(const LogEvidence& log, AuditResult& result) {
  result.head = log.head;
  if (log.head < result.size) {
    Findings(result).add(log.head,
                         fmt::format("the store has {} leaves, a signed checkpoint {}", log.head, result.size));
  }
  if (result.size < log.high_water) {
    Findings(result).add(result.size, fmt::format("the newest checkpoint has {} leaves, one of {} was signed before",
                                                  result.size, log.high_water));
  }
  if (log.head > 0 && log.leaves(log.head - 1, 1).empty()) {
    Findings(result).add(log.head - 1, "the store has no such leaf, though its head counts it");
  }
  // A log may have grown since its head was read.
  if (!log.leaves(log.head, 1).empty() && log.head_now() <= log.head) {
    Findings(result).add(log.head, "the store has a leaf that its head does not count");
  }
}

void check_leaf(const LogEvidence& log, const StoredLeaf& leaf, AuditResult& result) {
  const Hash hash = leaf_hash(as_bytes(leaf.bytes));
  if (hash != leaf.hash) {
    Findings(result).add(leaf.seq, differs("the leaf does not hash to its stored hash", leaf.hash, hash));
  }
  const std::string_view fault = disagreement(log, leaf);
  if (!fault.empty()) Findings(result).add(leaf.seq, std::string(fault));
}

void check_published_leaf(TileTree& tree, const StoredLeaf& leaf, AuditResult& result) {
  const auto published = tree.node({0, leaf.seq});
  const Hash hash = leaf_hash(as_bytes(leaf.bytes));
  if (!published) {
    Findings(result).add(leaf.seq, "its tile of level 0 is missing or malformed");
  } else if (*published != hash) {
    Findings(result).add(leaf.seq, differs("the stored leaf is not the published one", *published, hash));
  }
  const auto entry = tree.entry(leaf.seq);
  if (!entry) {
    Findings(result).add(leaf.seq, "its bundle is missing or malformed");
  } else if (*entry != leaf.bytes) {
    Findings(result).add(leaf.seq, differs("the bundle has another entry", hash, leaf_hash(as_bytes(*entry))));
  }
}

}  // namespace cadastre::ledger

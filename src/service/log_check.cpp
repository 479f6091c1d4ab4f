#include "service/log_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "ledger/event.h"
#include "ledger/log_key.h"

namespace cadastre {
namespace {

constexpr std::size_t findings_per_log_max = 10;
constexpr std::uint64_t tail_leaves = 256;

/// Collects what is wrong with one log.
class Findings {
 public:
  explicit Findings(const LogState& log) : log_(log) {}
  void add(std::uint64_t seq, std::string what) {
    if (found_.size() < findings_per_log_max) found_.push_back({log_.tenant, log_.head.log_id, seq, std::move(what)});
  }
  std::vector<LogFinding> take() { return std::move(found_); }

 private:
  const LogState& log_;
  std::vector<LogFinding> found_;
};

/// That the tiles have the mark's root at the mark's size. The mark may be behind: a publication that was cut off after
/// the store knew of it.
void check_mark_root(const WaterMark& mark, const ledger::LogEvidence& evidence, Findings& findings) {
  ledger::TileTree tree(mark.size, evidence.files);
  const auto root = tree.root();
  const std::uint64_t last = std::max<std::uint64_t>(mark.size, 1) - 1;
  if (!root) {
    findings.add(last, fmt::format("a tile of the edge at size {} is missing or malformed", mark.size));
  } else if (*root != mark.root) {
    findings.add(last, fmt::format("the root at size {} is not the one published before: {} expected, {} found",
                                   mark.size, encode_hex(mark.root), encode_hex(*root)));
  }
}

/// What a note says, its signatures not looked at; nothing when it is malformed.
std::optional<ledger::Checkpoint> read_note(const std::optional<std::string>& text) {
  const auto note = text ? ledger::parse_note(*text) : refuse(Code::not_found, "note", "is missing");
  auto checkpoint = note ? ledger::parse_checkpoint(note->text) : std::unexpected(note.error());
  return checkpoint ? std::optional(*std::move(checkpoint)) : std::nullopt;
}

/// That the last step of the publication at the mark was done, as the mark says.
void check_settled(const WaterMark& mark, const ledger::LogEvidence& evidence, Findings& findings) {
  const std::string history = fmt::format("history/{}", mark.size);
  if (!evidence.files(history)) findings.add(mark.size, history + " is missing");
  const auto published = read_note(evidence.checkpoint_file);
  if (published && published->size < mark.size) {
    findings.add(published->size, fmt::format("the published checkpoint has {} leaves, one of {} was in its place",
                                              published->size, mark.size));
  }
}

bool is_first_publication_cut_off(const std::optional<WaterMark>& mark, const ledger::LogEvidence& evidence) {
  if (evidence.checkpoint_file || (mark && mark->is_settled)) return false;
  const auto stored = read_note(evidence.stored_checkpoint);
  return stored && std::ranges::all_of(evidence.list("history"),
                                       [&](const std::string& name) { return name == std::to_string(stored->size); });
}

void read_stored_checkpoint(Reader& reader, ledger::LogEvidence& evidence) {
  if (auto stored = reader.checkpoint(evidence.tenant)) evidence.stored_checkpoint = std::move(stored->note);
}

/// That the row of the stored checkpoint says what its note says.
void check_row(const PublishedCheckpoint& row, const LogState& log, Findings& findings) {
  const auto checkpoint = read_note(row.note);
  if (!checkpoint) return;  // the audit says so
  if (row.log_id != log.head.log_id) findings.add(0, "the stored checkpoint is that of another log");
  if (row.size != checkpoint->size || row.root != checkpoint->root) {
    findings.add(std::min(row.size, checkpoint->size),
                 fmt::format("the stored checkpoint says {} leaves and root {}, its signed note {} and {}", row.size,
                             encode_hex(row.root), checkpoint->size, encode_hex(checkpoint->root)));
  }
}

/// The last leaves that were published and the first ones that were not.
ledger::AuditResult audit_tail(const ledger::LogEvidence& evidence) {
  const auto stored = read_note(evidence.stored_checkpoint);
  const std::uint64_t size = stored ? stored->size : 0;
  return audit_range(evidence, size < tail_leaves ? 0 : size - tail_leaves,
                     size > UINT64_MAX - tail_leaves ? size : size + tail_leaves);
}

bool is_named_after(std::string_view key_name, const TenantId& tenant) {
  const std::string end = ledger::log_origin("", tenant);
  return key_name.size() > end.size() && key_name.ends_with(end);
}

}  // namespace

std::string describe(const LogFinding& finding) {
  const std::string log = finding.tenant ? ledger::log_label(*finding.tenant, finding.log_id)
                                         : fmt::format("({})", encode_hex(finding.log_id));
  return fmt::format("log {}, index {}: {}", log, finding.seq, finding.what);
}

ledger::TileReader files_of(TileStore& tiles, const TenantId& tenant, const LogId& log) {
  return [&tiles, tenant, log](const std::string& path) { return tiles.read(tenant, log, path); };
}

ledger::TileReader each_once(ledger::TileReader files) {
  // shared: readers are copied
  const auto known = std::make_shared<std::map<std::string, std::optional<std::string>>>();
  return [files = std::move(files), known](const std::string& path) {
    const auto [entry, is_new] = known->try_emplace(path);
    if (is_new) entry->second = files(path);
    return entry->second;
  };
}

std::optional<LogKey> key_of_log(const Bytes<32>& master_seed, const TenantId& tenant, std::string_view vkey) {
  const std::string_view name = vkey.substr(0, vkey.find('+'));
  if (!ledger::is_key_name(name) || !is_named_after(name, tenant)) return std::nullopt;
  for (std::uint32_t epoch = 0; epoch < log_key_epochs_max; ++epoch) {
    auto signer = ledger::log_key(master_seed, name, epoch);
    auto verifier = ledger::log_verifier(name, signer);
    if (verifier.encode() == vkey) return LogKey{std::move(verifier), std::move(signer), epoch};
  }
  return std::nullopt;
}

std::vector<PrivateKey> signers_of(const Bytes<32>& master_seed, LogKey key) {
  const auto of_epoch = [&](std::uint32_t epoch) { return ledger::log_key(master_seed, key.verifier.name, epoch); };
  std::vector<PrivateKey> signers;
  signers.push_back(std::move(key.signer));
  if (key.epoch > 0) signers.push_back(of_epoch(key.epoch - 1));
  signers.push_back(of_epoch(key.epoch + 1));
  return signers;
}

ledger::LogEvidence gather_evidence(const LogKeeping& keeping, const LogState& log) {
  ledger::LogEvidence evidence;
  evidence.tenant = log.tenant;
  evidence.log_id = log.head.log_id;
  evidence.vkey = log.vkey;
  evidence.files = files_of(keeping.tiles, log.tenant, log.head.log_id);
  evidence.list = [&tiles = keeping.tiles, tenant = log.tenant, id = log.head.log_id](const std::string& folder) {
    return tiles.list(tenant, id, folder);
  };
  evidence.leaves = [&reader = keeping.reader, tenant = log.tenant](std::uint64_t from, std::size_t limit) {
    std::vector<ledger::StoredLeaf> leaves;
    LeafQuery query;
    query.from = from;
    query.limit = limit;
    for (Leaf& leaf : reader.leaves(tenant, query)) {
      leaves.push_back({leaf.seq, leaf.ts, leaf.type, leaf.hash, std::move(leaf.bytes)});
    }
    return leaves;
  };
  evidence.earlier_vkeys = [&reader = keeping.reader, tenant = log.tenant] {
    std::vector<std::string> vkeys;
    for (const Leaf& leaf : reader.leaves(tenant, {.types = {EventType::key_rotated}})) {
      const auto entry = ledger::decode_leaf(leaf.bytes);
      const json::Value* const vkey = entry ? entry->data.find("before") : nullptr;
      if (vkey != nullptr) vkeys.push_back(vkey->text);
    }
    return vkeys;
  };
  evidence.head_now = [&reader = keeping.reader, tenant = log.tenant] {
    const auto head = reader.log_head(tenant);
    return head ? head->size : 0;
  };
  if (const auto mark = keeping.marks.find(log.head.log_id)) evidence.high_water = mark->size;
  evidence.checkpoint_file = evidence.files("checkpoint");
  read_stored_checkpoint(keeping.reader, evidence);
  if (!evidence.checkpoint_file && evidence.stored_checkpoint) {  // the first publication may just be coming to its end
    evidence.checkpoint_file = evidence.files("checkpoint");
    if (evidence.checkpoint_file) read_stored_checkpoint(keeping.reader, evidence);
  }
  evidence.head = evidence.head_now();
  return evidence;
}

void overlook_cut_off_publication(const std::optional<WaterMark>& mark, ledger::LogEvidence& evidence) {
  if (is_first_publication_cut_off(mark, evidence)) evidence.checkpoint_file = evidence.stored_checkpoint;
}

std::vector<LogFinding> check_log(const LogKeeping& keeping, const LogState& log, CheckDepth depth,
                                  const Bytes<32>* master_seed, CheckProgress& progress, const std::stop_token& stop) {
  Findings findings(log);
  if (master_seed != nullptr && !key_of_log(*master_seed, log.tenant, log.vkey)) {
    findings.add(0,
                 fmt::format("its verifier key '{}' is not one of this deployment's: keys/ledger-master.key is another",
                             log.vkey));
  }
  const auto mark = keeping.marks.find(log.head.log_id);
  auto evidence = gather_evidence(keeping, log);
  evidence.leaves = [&progress, &stop, read = std::move(evidence.leaves)](std::uint64_t from, std::size_t limit) {
    if (stop.stop_requested()) return std::vector<ledger::StoredLeaf>{};
    auto leaves = read(from, limit);
    progress.leaves += leaves.size();
    return leaves;
  };
  if (const auto row = keeping.reader.checkpoint(log.tenant)) check_row(*row, log, findings);
  if (mark) check_mark_root(*mark, evidence, findings);
  if (mark && mark->is_settled) check_settled(*mark, evidence, findings);
  overlook_cut_off_publication(mark, evidence);
  const auto audited = depth == CheckDepth::full ? audit_full(evidence) : audit_tail(evidence);
  for (const ledger::Finding& found : audited.findings) findings.add(found.index, found.what);
  if (stop.stop_requested()) return {};
  ++progress.logs;
  return findings.take();
}

std::optional<LogFinding> check_mark(const HighWater& marks, const LogState& log) {
  const auto mark = marks.find(log.head.log_id);
  if (!mark || mark->size <= std::min(log.published_size, log.head.size)) return std::nullopt;
  return LogFinding{log.tenant, log.head.log_id, std::min(log.published_size, log.head.size),
                    fmt::format("{} leaves were published, the store has {} and knows of {} published ones: it was "
                                "brought back from an older state",
                                mark->size, log.head.size, log.published_size)};
}

}  // namespace cadastre

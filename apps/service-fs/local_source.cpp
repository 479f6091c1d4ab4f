// Logs read from the store and the published files on the server's own machine.
#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <stop_token>
#include <utility>

#include "service/log_check.h"
#include "source.h"
#include "store/files/high_water_file.h"
#include "store/files/tile_folder.h"
#include "store/open_store.h"

namespace cadastre {
namespace {

constexpr std::size_t logs_per_page = 256;

std::unique_ptr<TileStore> open_tiles(const Options& options) {
  if (auto tiles = open_store_tiles(options.store)) return tiles;
  return std::make_unique<TileFolder>(options.data_dir + "/ledger");
}

/// Which counters are not what the tenant's VMs come to.
std::string sentence_of(const Recount& recount) {
  const Usage& counters = recount.counters;
  const Usage& rows = recount.rows;
  std::string text = "the usage counters are not those of the rows";
  const auto add = [&](const char* name, std::int64_t counter, std::int64_t sum) {
    if (counter != sum)
      text += fmt::format("{}{} {} in place of {}", text.ends_with("rows") ? ": " : ", ", name, counter, sum);
  };
  add("vms", counters.vms.value, rows.vms.value);
  add("storage_gb", counters.storage.value, rows.storage.value);
  add("ram_mb", counters.ram.value, rows.ram.value);
  add("vcpus", counters.vcpus.value, rows.vcpus.value);
  return text;
}

class LocalSource final : public Source {
 public:
  explicit LocalSource(const Options& options)
      : reader_(open_store_reader(options.store)),
        logs_folder_(options.data_dir + "/ledger/logs"),
        tiles_(open_tiles(options)),
        marks_(options.data_dir + "/high-water") {}

  std::vector<LogName> logs() override {
    std::vector<LogName> names;
    for_each_log([&](const LogState& log) { names.push_back({log.tenant, log.head.log_id, log.vkey}); });
    return names;
  }

  LogName log(std::string_view name) override {
    const auto tenant = name == "platform" ? Result<TenantId>(TenantId::platform()) : TenantId::parse(name);
    if (tenant) {
      const auto record = reader_->tenant(*tenant);
      if (record) return {record->id, record->log_id, record->vkey};
    }
    for (LogName& each : logs()) {
      if (encode_hex(each.log_id) == name) return std::move(each);
    }
    throw NoMatch(fmt::format("there is no log of \"{}\"", name));
  }

  ledger::LogEvidence evidence(const LogName& log) override { return gather_evidence(keeping(), state(log)); }

  std::vector<ledger::StoredLeaf> leaves(const LogName& log, const LeafQuery& query) override {
    std::vector<ledger::StoredLeaf> found;
    for (Leaf& leaf : reader_->leaves(log.tenant, query)) {
      found.push_back({leaf.seq, leaf.ts, leaf.type, leaf.hash, std::move(leaf.bytes)});
    }
    return found;
  }

  std::vector<ledger::Finding> check(const LogName& log, const Extent& extent) override;
  std::vector<std::string> check_set() override;

 private:
  LogKeeping keeping() { return {*reader_, *tiles_, marks_}; }

  /// The log as the store's functions name it; kept, since evidence refers to it.
  const LogState& state(const LogName& log) {
    LogState& kept = states_.try_emplace(log.tenant, LogState{log.tenant, {}, {}, 0}).first->second;
    kept.head.log_id = log.log_id;
    kept.vkey = log.vkey;
    return kept;
  }

  template <class Visit>
  void for_each_log(Visit visit) {
    std::optional<TenantId> after;
    for (auto page = reader_->logs(after, logs_per_page); !page.empty(); page = reader_->logs(after, logs_per_page)) {
      for (const LogState& log : page) visit(log);
      after = page.back().tenant;
    }
  }

  std::unique_ptr<Reader> reader_;
  const std::string logs_folder_;
  const std::unique_ptr<TileStore> tiles_;
  HighWaterFile marks_;
  std::map<TenantId, LogState> states_;
};

std::vector<ledger::Finding> LocalSource::check(const LogName& log, const Extent& extent) {
  if (extent.is_range()) {
    const auto mark = marks_.find(log.log_id);
    auto found = evidence(log);
    overlook_cut_off_publication(mark, found);
    return audit_range(found, extent).findings;
  }
  CheckProgress progress;
  const auto depth = extent.edge_only ? CheckDepth::edge : CheckDepth::full;
  std::vector<ledger::Finding> findings;
  for (LogFinding& found : check_log(keeping(), state(log), depth, nullptr, progress, std::stop_token())) {
    findings.push_back({found.seq, std::move(found.what)});
  }
  const Recount recount = reader_->recount(log.tenant);
  if (recount.counters != recount.rows) findings.push_back({recount.head, sentence_of(recount)});
  if (recount.head != recount.leaves) {
    findings.push_back({std::min(recount.head, recount.leaves),
                        fmt::format("the head counts {} leaves, the store has {}", recount.head, recount.leaves)});
  }
  return findings;
}

std::vector<std::string> LocalSource::check_set() {
  std::vector<std::string> sentences;
  std::set<std::string> known;
  for_each_log([&](const LogState& log) {
    known.insert(encode_hex(log.head.log_id));
    if (marks_.is_missing() && log.published_size > 0) {
      sentences.push_back(
          fmt::format("log {}, index {}: the high-water marks are missing, though the log was published",
                      ledger::log_label(log.tenant, log.head.log_id), log.published_size));
    }
  });
  for (const WaterMark& mark : marks_.marks()) {
    const std::string name = encode_hex(mark.log_id);
    if (known.contains(name)) continue;
    sentences.push_back(
        fmt::format("log ({}), index 0: {} leaves were published, the store does not know the log", name, mark.size));
  }
  std::error_code missing;
  for (const auto& folder : std::filesystem::directory_iterator(logs_folder_, missing)) {
    const std::string name = folder.path().filename().string();
    if (known.contains(name)) continue;
    sentences.push_back(
        fmt::format("log ({}), index 0: its files are published, the store does not know the log", name));
  }
  return sentences;
}

}  // namespace

std::unique_ptr<Source> open_local_source(const Options& options) { return std::make_unique<LocalSource>(options); }

}  // namespace cadastre

#include "migrate.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/log.h"
#include "key_files.h"
#include "service/start_check.h"
#include "store/files/high_water_file.h"
#include "store/files/tile_folder.h"
#include "store/open_store.h"
#include "store/register_move.h"

namespace cadastre {
namespace {

constexpr std::size_t logs_per_page = 256;

/// Where the counters of a namespace are not what its rows give.
std::vector<LogFinding> miscounted(Reader& reader) {
  std::vector<LogFinding> findings;
  std::optional<TenantId> after;
  for (auto page = reader.logs(after, logs_per_page); !page.empty(); page = reader.logs(after, logs_per_page)) {
    for (const LogState& log : page) {
      const Recount recount = reader.recount(log.tenant);
      if (recount.counters != recount.rows) {
        findings.push_back({log.tenant, log.head.log_id, recount.head, "the usage counters are not those of the VMs"});
      }
    }
    after = page.back().tenant;
  }
  return findings;
}

/// What would be a fault in the new place too must not travel there.
bool is_whole(Store& store, TileFolder& tiles, const std::filesystem::path& data_dir, const Bytes<32>& master_seed) {
  const SystemClock clock;
  const HighWaterFile marks((data_dir / "high-water").string());
  StartCheck check(store, tiles, marks, clock, master_seed);
  auto findings = check.run_full();
  for (LogFinding& finding : miscounted(*store.open_reader())) findings.push_back(std::move(finding));
  for (const LogFinding& finding : findings) {
    fmt::print(stderr, "service-vm-tenant: refusing to move: {}\n", describe(finding));
  }
  return findings.empty();
}

}  // namespace

int run_migrate(const Settings& settings) {
  const std::filesystem::path data_dir = settings.data_dir;
  RegisterMove move(settings.migrate_from, settings.migrate_to);
  const KeyFiles keys = read_key_files(data_dir);
  TileFolder tiles((data_dir / "ledger").string());
  log::info("checking the register", {{"store", shown_store(settings.migrate_from)}, {"data_dir", settings.data_dir}});
  if (!is_whole(move.source(), tiles, data_dir, keys.ledger_master_seed)) return 1;
  log::info("copying the register", {{"to", shown_store(settings.migrate_to)}});
  const MoveFigures moved = move.run(
      tiles, [](std::string_view table, std::uint64_t rows) { fmt::print("{:<18} {:>12} rows\n", table, rows); });
  fmt::print(
      "moved to {}: {} logs with {} entries and {} published files; every row, counter and root is as it was.\n"
      "Start the server with this as --store and with the same --data-dir ({}): keys/ and high-water stay there.\n",
      shown_store(settings.migrate_to), moved.logs, moved.leaves, moved.files, settings.data_dir);
  return 0;
}

}  // namespace cadastre

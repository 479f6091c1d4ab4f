// A deployment's ledger in a folder of its own: store, published files and high-water marks.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/test_folder.h"
#include "ledger/log_key.h"
#include "service/publisher.h"
#include "service/start_check.h"
#include "store/files/high_water_file.h"
#include "store/files/tile_folder.h"
#include "store/sqlite/sqlite_store.h"

namespace cadastre {

inline const TenantId acme = TenantId::parse("acme-corp").value();
inline const TenantId bolt = TenantId::parse("bolt").value();
inline constexpr Bytes<32> master_seed{7, 7, 7};

/// The log_id that `add_tenant` gives.
inline LogId log_of(const TenantId& tenant) {
  const Digest digest = sha256("log of " + tenant.text());
  return *exactly<16>(as_text(digest).substr(0, 16));
}

/// Where the files of a log lie below the deployment's folder.
inline std::string folder_of(const TenantId& tenant) {
  return tenant.is_platform() ? "ledger/platform" : "ledger/logs/" + encode_hex(log_of(tenant));
}

/// What a process opens; one at a time for each folder.
struct Process {
  explicit Process(const TestFolder& folder)
      : store(open_sqlite_store({.directory = folder / "store"})),
        tiles(folder / "ledger"),
        marks(std::in_place, folder / "high-water") {}

  void add_tenant(const TenantId& id) {
    const std::string origin = ledger::log_origin("example.org", id);
    Tenant tenant{.id = id};
    tenant.log_id = log_of(id);
    tenant.vkey = ledger::log_verifier(origin, ledger::log_key(master_seed, origin, 0)).encode();
    change(id, [&](Tx& tx) {
      tx.insert(tenant);
      tx.append({EventType::tenant_created, id, {.kind = "system"}, "request-0", {}}, clock.now());
    });
  }

  /// Appends leaves in one transaction.
  void append(const TenantId& id, std::size_t count) {
    change(id, [&](Tx& tx) {
      for (std::size_t i = 0; i < count; ++i) {
        tx.append({EventType::vm_created, id, {.kind = "system"}, "request", {{"number", std::int64_t(i)}}},
                  clock.now());
      }
    });
  }

  template <class Body>
  void change(const TenantId& id, Body body) {
    const auto done = transact(*store, id, [&](Tx& tx) -> Result<int> {
      body(tx);
      return 0;
    });
    REQUIRE(done);
  }

  std::vector<LogFinding> publish() { return Publisher(*store, tiles, *marks, clock, master_seed).publish_round(); }
  std::vector<LogFinding> check() { return StartCheck(*store, tiles, *marks, clock, master_seed).run(); }
  std::vector<LogFinding> check_full() { return StartCheck(*store, tiles, *marks, clock, master_seed).run_full(); }

  ManualClock clock{instant_from_s(1'800'000'000)};
  std::unique_ptr<Store> store;
  TileFolder tiles;
  std::optional<HighWaterFile> marks;  // a process that starts reads it anew
};

/// Every file below a folder with its bytes, by relative path.
inline std::map<std::string, std::string> files_below(const std::string& folder) {
  std::map<std::string, std::string> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[std::filesystem::relative(entry.path(), folder).string()] = bytes_of(entry.path().string());
  }
  return files;
}

/// Replaces what `to` has of the named part, which may be a file or a folder.
inline void copy_part(const TestFolder& from, const TestFolder& to, const std::string& part) {
  std::filesystem::remove_all(to / part);
  if (!std::filesystem::exists(from / part)) return;
  std::filesystem::copy(from / part, to / part, std::filesystem::copy_options::recursive);
}

/// A deployment that is not open, as it is.
inline void copy_deployment(const TestFolder& from, const TestFolder& to) {
  for (const std::string part : {"store", "ledger", "high-water"}) copy_part(from, to, part);
}

/// Runs SQL on the database of a deployment that is not open, as somebody with the file could.
inline void run_sql(const TestFolder& folder, const std::string& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open((folder / "store/cadastre.db").c_str(), &database) == SQLITE_OK);
  char* fault = nullptr;
  const int code = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &fault);
  INFO(std::string(fault == nullptr ? "" : fault));
  CHECK(code == SQLITE_OK);
  sqlite3_free(fault);
  sqlite3_close(database);
}

/// All findings as text, for a failing test's report.
inline std::string text_of(const std::vector<LogFinding>& findings) {
  std::string text;
  for (const LogFinding& finding : findings) text += describe(finding) + '\n';
  return text;
}

}  // namespace cadastre

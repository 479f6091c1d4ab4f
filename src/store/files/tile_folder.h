// The published files of the logs as a folder (LEDGER.md section 3).
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "service/ports.h"

namespace cadastre {

/// `<root>/logs/<log_id in hex>/…` for tenants, `<root>/platform/…` for the platform. What a function has written is on
/// the disk when it returns; a failed fsync stops the process. Files are read-only (0444) and appear whole, by a rename
/// from `<root>/new/`. Reading creates nothing. One process writes to a root.
class TileFolder final : public TileStore {
 public:
  explicit TileFolder(std::string_view root);
  std::optional<std::string> read(const TenantId& tenant, const LogId& log, std::string_view path) override;
  void create(const TenantId& tenant, const LogId& log, std::string_view path, std::string_view bytes) override;
  void replace(const TenantId& tenant, const LogId& log, std::string_view path, std::string_view bytes) override;
  /// Also removes the folder of partial tiles that this empties. A file that is missing is no trouble.
  void remove(const TenantId& tenant, const LogId& log, std::string_view path) override;
  std::vector<std::string> list(const TenantId& tenant, const LogId& log, std::string_view folder) override;

 private:
  std::string path_of(const TenantId& tenant, const LogId& log, std::string_view path) const;
  std::string write_new(std::string_view bytes);
  void prepare();
  void ensure_folder(const std::string& folder);

  const std::string root_;
  const std::string new_files_;
  std::once_flag prepared_;
  std::atomic<std::uint64_t> new_file_number_{0};
  std::mutex mutex_;                               // guards what follows
  std::unordered_set<std::string> known_folders_;  // they and their names are on the disk
};

}  // namespace cadastre

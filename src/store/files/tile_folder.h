// The published files of the logs as a folder (LEDGER.md section 3).
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "service/ports.h"
#include "store/files/durable_file.h"

namespace cadastre {

struct TileFolderSettings {
  /// A batch of so many files is synced file by file, a larger one with the whole file system at once.
  std::size_t files_synced_alone_max = 16;
};

/// `<root>/logs/<log_id in hex>/…` for tenants, `<root>/platform/…` for the platform. What a function has written is on
/// the disk when it returns; a failed sync stops the process. Files are read-only (0444) and appear whole, by a rename
/// from `<root>/new/`. Reading creates nothing. One process writes to a root.
class TileFolder final : public TileStore {
 public:
  explicit TileFolder(std::string_view root, TileFolderSettings settings = {});
  std::optional<std::string> read(const TenantId& tenant, const LogId& log, std::string_view path) override;
  FileFailures create(std::span<const PublishedFile> files) override;
  FileFailures replace(std::span<const PublishedFile> files) override;
  void remove(const TenantId& tenant, const LogId& log, std::string_view folder) override;
  std::vector<std::string> list(const TenantId& tenant, const LogId& log, std::string_view folder) override;
  /// The path of every file of the log, sorted by bytes; none when it was never published.
  std::vector<std::string> paths(const TenantId& tenant, const LogId& log) const;

 private:
  enum class Existing { kept, replaced };
  class NewFile;

  std::string folder_of(const TenantId& tenant, const LogId& log) const;
  std::string path_of(const TenantId& tenant, const LogId& log, std::string_view path) const;
  std::string path_of(const PublishedFile& file) const { return path_of(file.tenant, file.log, file.path); }
  FileFailures put(std::span<const PublishedFile> files, Existing existing);
  void put_alone(const PublishedFile& file, Existing existing);
  void put_together(std::span<const PublishedFile> files, Existing existing, FileFailures& failures);
  std::string name_of_new_file();
  void prepare();
  void ensure_folder(const std::string& folder);

  const std::string root_;
  const std::string new_files_;
  const TileFolderSettings settings_;
  std::once_flag prepared_;
  std::optional<files::Handle> file_system_;  // opened before the first file is written
  std::atomic<std::uint64_t> new_file_number_{0};
  std::mutex mutex_;                               // guards what follows
  std::unordered_set<std::string> known_folders_;  // they and their names are on the disk
};

}  // namespace cadastre

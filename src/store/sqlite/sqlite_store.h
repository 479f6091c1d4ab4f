// The embedded engine: one SQLite file, written by one process.
#pragma once

#include <filesystem>
#include <memory>

#include "service/ports.h"

namespace cadastre {

struct SqliteSettings {
  std::filesystem::path directory;           ///< Made (0700) when it is missing; holds `cadastre.db` and `lock`.
  std::size_t lane_max = 256;                ///< Changes of one tenant that may wait.
  std::size_t group_max = 512;               ///< Changes in one commit.
  std::size_t tenants_cached_max = 131'072;  ///< Rows held by the writer, about 700 bytes each.
  std::int64_t writer_cache_kib = 8 * 1024;
  std::int64_t reader_cache_kib = 2 * 1024;           ///< For each reader.
  std::int64_t reader_mmap_bytes = 64 * 1024 * 1024;  ///< For each reader; counts as resident memory.
  int checkpoint_frames = 16'000;                     ///< The log is copied into the file when it has as many pages.
  bool even_if_moved = false;                         ///< For whoever moves the register.
};

/// Opens, or makes, the store of a directory and brings its schema up to date. Refuses, with StoreFailure, a directory
/// that another process has open, a register that was moved into another database, and a schema that is newer than this
/// program.
std::unique_ptr<Store> open_sqlite_store(const SqliteSettings& settings);

/// A reader for another process than the store's, whether that is running, stopped or was killed. Changes no row and
/// moves none from the log to the file. Refuses, with StoreFailure, a directory without a database of this schema, and
/// a register that was moved.
std::unique_ptr<Reader> open_sqlite_reader(const std::filesystem::path& directory);

}  // namespace cadastre

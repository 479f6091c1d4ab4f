// One connection to the database file.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <string>

#include "store/sqlite/failure.h"

namespace cadastre::sqlite {

/// Opening after a crash can find the file locked while another process recovers it.
constexpr int busy_timeout_ms = 10'000;

/// The database's name in its directory.
constexpr const char* database_name = "cadastre.db";

/// How much memory a connection may use.
struct ConnectionLimits {
  std::int64_t cache_kib = 2048;
  std::int64_t mmap_bytes = 0;
};

/// Owned and used by one thread.
class Connection {
 public:
  /// The one connection that writes and checkpoints: it never checkpoints by itself. Creates the file (0600) when it
  /// is missing.
  static Connection open_writer(const std::filesystem::path& file, const ConnectionLimits& limits);
  /// A connection that can change nothing: neither rows nor, when it closes, the file. Refuses a missing file.
  static Connection open_reader(const std::filesystem::path& file, const ConnectionLimits& limits);

  sqlite3* handle() const { return handle_.get(); }
  /// The statement, for the caller to finalize.
  sqlite3_stmt* prepare(std::string_view sql) const;
  /// Runs statements that give no rows and take no values.
  void execute(const std::string& sql) const;
  std::int64_t integer(const std::string& sql) const;

 private:
  Connection(const std::filesystem::path& file, int flags, const ConnectionLimits& limits);

  std::unique_ptr<sqlite3, decltype(&sqlite3_close_v2)> handle_{nullptr, &sqlite3_close_v2};
};

}  // namespace cadastre::sqlite

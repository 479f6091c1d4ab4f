// The engine for several processes on one PostgreSQL database.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "service/ports.h"

namespace cadastre {

struct PostgresqlSettings {
  std::string url;  ///< `postgresql://…` (PostgreSQL 15, section 34.1.1.2). May hold a password.
  /// Threads that write, each with a connection; a tenant's changes go through one. 0: half as many as cores, since
  /// more make the groups smaller.
  std::size_t lanes = 0;
  std::size_t lane_max = 256;  ///< Changes of one tenant that may wait.
  /// How long a commit whose answer was lost is asked about; a database that restarts is back by then.
  std::chrono::milliseconds outcome_patience{8'000};
  std::size_t group_max = 512;  ///< Changes in one commit.
};

/// Opens the store of a database and brings its schema up to date, while other processes that do the same wait. Throws
/// StoreFailure, without the password, when the database cannot be reached or its schema is newer than this program.
std::unique_ptr<Store> open_postgresql_store(const PostgresqlSettings& settings);

/// A reader for another program than the server. Refuses, with StoreFailure, a database that does not have this schema.
std::unique_ptr<Reader> open_postgresql_reader(const std::string& url);
/// The published files for such a program, to be read.
std::unique_ptr<TileStore> open_postgresql_tiles(const std::string& url);

}  // namespace cadastre

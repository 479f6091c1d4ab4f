#include "store/sqlite/failure.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstdlib>

#include "base/log.h"

namespace cadastre::sqlite {
namespace {

constexpr int primary(int code) { return code & 0xFF; }

}  // namespace

bool SqliteFailure::is_constraint() const { return primary(code_) == SQLITE_CONSTRAINT; }

void stop_after_failed_sync(std::string_view reason) {
  log::write(log::Level::critical, "stopping: the database could not be synced, so what the disk holds is not known",
             {{"reason", reason}});
  std::abort();
}

void throw_failure(sqlite3* db, int code, std::string_view doing) {
  const char* reason = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) stop_after_failed_sync(reason);
  constexpr int primary = 0xFF;  // the rest of a code is detail
  const bool is_damaged = (code & primary) == SQLITE_NOTADB || (code & primary) == SQLITE_CORRUPT;
  const char* const file = db != nullptr ? sqlite3_db_filename(db, "main") : nullptr;
  throw SqliteFailure(code, fmt::format("SQLite, {}: {} (code {}){}", doing, reason, code,
                                        is_damaged ? fmt::format("; {} is damaged: restore it from a backup",
                                                                 file != nullptr ? file : "the database")
                                                   : ""));
}

}  // namespace cadastre::sqlite

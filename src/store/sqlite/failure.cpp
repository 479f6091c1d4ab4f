#include "store/sqlite/failure.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>

namespace cadastre::sqlite {
namespace {

constexpr int primary(int code) { return code & 0xFF; }

}  // namespace

bool SqliteFailure::is_constraint() const { return primary(code_) == SQLITE_CONSTRAINT; }

void throw_failure(sqlite3* db, int code, std::string_view doing) {
  const char* reason = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  const auto sentence = fmt::format("SQLite, {}: {} (code {})", doing, reason, code);
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
    std::fprintf(stderr, "%s. What the disk holds is not known any more: stopping, so that recovery decides.\n",
                 sentence.c_str());
    std::abort();
  }
  throw SqliteFailure(code, sentence);
}

}  // namespace cadastre::sqlite

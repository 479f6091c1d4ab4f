// What SQLite says when it says no.
#pragma once

#include <string_view>

#include "service/ports.h"

struct sqlite3;

namespace cadastre::sqlite {

/// A refusal of SQLite, with its extended result code (sqlite.org/rescode.html).
class SqliteFailure : public StoreFailure {
 public:
  SqliteFailure(int code, const std::string& sentence) : StoreFailure(sentence), code_(code) {}
  /// True when one statement was at fault; everything else (disk full, I/O, locked) ends the whole transaction.
  bool is_constraint() const;

 private:
  int code_;
};

/// Ends the process: after a failed fsync the kernel may have dropped the pages and would report success to a second
/// try, so nothing in memory can be believed any more. The next start reads what the disk has.
[[noreturn]] void stop_after_failed_sync(std::string_view reason);

/// Throws the failure `code` of what was being done; ends the process when that was an fsync.
[[noreturn]] void throw_failure(sqlite3* db, int code, std::string_view doing);

}  // namespace cadastre::sqlite

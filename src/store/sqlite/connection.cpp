#include "store/sqlite/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <system_error>

#include "store/sqlite/log_vfs.h"

namespace cadastre::sqlite {
namespace {

/// What a change of some tenant among many writes is one page of each table, so pages are small: half the processor
/// time and a quarter of the bytes of 4096. Rows that do not fit a quarter of one (long names) spill into pages of
/// their own.
constexpr int page_bytes = 1024;

/// SQLite counts its memory under one lock shared by all threads unless it is told not to.
void configure_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
  });
}

/// Only when the file is missing: closing a descriptor of a file that SQLite has open drops its locks (POSIX).
void create_private(const std::filesystem::path& file) {
  if (std::filesystem::exists(file)) return;
  const int descriptor = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "cannot create " + file.string());
  ::close(descriptor);
}

}  // namespace

Connection::Connection(const std::filesystem::path& file, int flags, const ConnectionLimits& limits) {
  configure_once();
  const bool writes = (flags & SQLITE_OPEN_READWRITE) != 0;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                   writes ? log_vfs() : nullptr);
  handle_.reset(raw);
  if (code != SQLITE_OK) throw_failure(raw, code, "opening " + file.string());
  sqlite3_busy_timeout(raw, busy_timeout_ms);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_wal_autocheckpoint(raw, 0);
  execute(fmt::format("PRAGMA cache_size=-{}", limits.cache_kib));
  integer(fmt::format("PRAGMA mmap_size={}", limits.mmap_bytes));
  execute("PRAGMA temp_store=MEMORY");
}

Connection Connection::open_writer(const std::filesystem::path& file, const ConnectionLimits& limits) {
  create_private(file);
  Connection connection(file, SQLITE_OPEN_READWRITE, limits);
  connection.execute(fmt::format("PRAGMA page_size={}", page_bytes));  // of a new file; no effect on others
  connection.execute("PRAGMA journal_mode=WAL");
  connection.execute("PRAGMA synchronous=FULL");
  connection.execute("PRAGMA secure_delete=OFF");
  return connection;
}

Connection Connection::open_reader(const std::filesystem::path& file, const ConnectionLimits& limits) {
  std::error_code fault;
  if (!std::filesystem::exists(file, fault)) {
    throw StoreFailure(
        fault ? fmt::format("cannot read {}: {}; run it as the server's user", file.string(), fault.message())
              : fmt::format("there is no database at {}: name the server's data directory", file.string()));
  }
  Connection connection(file, SQLITE_OPEN_READONLY, limits);
  connection.execute("PRAGMA query_only=1");
  return connection;
}

sqlite3_stmt* Connection::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) throw_failure(handle(), code, sql);
  return statement;
}

void Connection::execute(const std::string& sql) const {
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw_failure(handle(), code, sql);
}

std::int64_t Connection::integer(const std::string& sql) const {
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(prepare(sql), &sqlite3_finalize);
  const int code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) throw_failure(handle(), code, sql);
  return code == SQLITE_ROW ? sqlite3_column_int64(statement.get(), 0) : 0;
}

}  // namespace cadastre::sqlite

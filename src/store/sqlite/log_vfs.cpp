#include "store/sqlite/log_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace cadastre::sqlite {
namespace {

/// A log that has grown beyond this, because readers keep it, is written and read directly from here on.
constexpr std::size_t copied_max = 64U << 20U;

/// The log's first bytes as they are, or will be after the next flush, in the file.
struct Copy {
  std::string bytes;
  std::size_t written = 0;  // up to here the file has them already; what follows waits for the flush
};

/// A log as SQLite sees it. The system's own file object lies behind it in the same memory.
struct LogFile {
  sqlite3_file base;  // first: SQLite knows only this
  Copy* copy;
};

sqlite3_vfs* system_vfs() { return sqlite3_vfs_find(nullptr); }

Copy& copy_of(sqlite3_file* file) { return *reinterpret_cast<LogFile*>(file)->copy; }
sqlite3_file* below(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<LogFile*>(file) + 1);
}
const sqlite3_io_methods& methods_below(sqlite3_file* file) { return *below(file)->pMethods; }

/// Writes what waits. Of what could not be written nothing is kept: SQLite takes the commit back.
int flush(sqlite3_file* file) {
  constexpr std::size_t write_max = 64U << 10U;  // SQLite's own VFS writes at most 128 KiB at once
  Copy& copy = copy_of(file);
  while (copy.written < copy.bytes.size()) {
    const std::size_t count = std::min(write_max, copy.bytes.size() - copy.written);
    const int code = methods_below(file).xWrite(below(file), copy.bytes.data() + copy.written, static_cast<int>(count),
                                                static_cast<sqlite3_int64>(copy.written));
    if (code != SQLITE_OK) {
      copy.bytes.resize(copy.written);
      return code;
    }
    copy.written += count;
  }
  return SQLITE_OK;
}

/// Bytes that follow the copy, or begin it anew at some place within it, join it; others are written directly.
int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  Copy& copy = copy_of(file);
  const auto start = static_cast<std::size_t>(offset);
  const auto size = static_cast<std::size_t>(count);
  if (start != copy.bytes.size()) {
    if (const int code = flush(file); code != SQLITE_OK) return code;
    // What lies behind a place that is written again is still in the file, and read from there.
    if (start < copy.bytes.size()) copy.bytes.resize(start), copy.written = start;
  }
  if (start != copy.bytes.size() || start + size > copied_max) {
    if (const int code = flush(file); code != SQLITE_OK) return code;
    return methods_below(file).xWrite(below(file), bytes, count, offset);
  }
  copy.bytes.append(static_cast<const char*>(bytes), size);
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
  const Copy& copy = copy_of(file);
  const auto start = static_cast<std::size_t>(offset);
  const auto size = static_cast<std::size_t>(count);
  if (start + size <= copy.bytes.size()) {
    std::memcpy(bytes, copy.bytes.data() + start, size);
    return SQLITE_OK;
  }
  if (const int code = flush(file); code != SQLITE_OK) return code;
  return methods_below(file).xRead(below(file), bytes, count, offset);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (const int code = flush(file); code != SQLITE_OK) return code;
  Copy& copy = copy_of(file);
  copy.bytes.resize(std::min(copy.bytes.size(), static_cast<std::size_t>(size)));
  copy.written = copy.bytes.size();
  return methods_below(file).xTruncate(below(file), size);
}

int sync(sqlite3_file* file, int flags) {
  if (const int code = flush(file); code != SQLITE_OK) return code;
  return methods_below(file).xSync(below(file), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  if (const int code = flush(file); code != SQLITE_OK) return code;
  return methods_below(file).xFileSize(below(file), size);
}

int close(sqlite3_file* file) {
  const int flushed = flush(file);
  delete &copy_of(file);
  const int closed = methods_below(file).xClose(below(file));
  return flushed != SQLITE_OK ? flushed : closed;
}

/// Does with the file what the system's own VFS does.
template <auto Method, class... Arguments>
int pass(sqlite3_file* file, Arguments... arguments) {
  return (methods_below(file).*Method)(below(file), arguments...);
}

using Io = sqlite3_io_methods;
constexpr Io log_methods = {
    .iVersion = 1,  // a log has no shared memory, and SQLite maps none
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = file_size,
    .xLock = pass<&Io::xLock, int>,
    .xUnlock = pass<&Io::xUnlock, int>,
    .xCheckReservedLock = pass<&Io::xCheckReservedLock, int*>,
    .xFileControl = pass<&Io::xFileControl, int, void*>,
    .xSectorSize = pass<&Io::xSectorSize>,
    .xDeviceCharacteristics = pass<&Io::xDeviceCharacteristics>,
};

int open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* flags_given) {
  sqlite3_vfs* const system = system_vfs();
  if ((flags & SQLITE_OPEN_WAL) == 0) return system->xOpen(system, name, file, flags, flags_given);
  file->pMethods = nullptr;
  const int code = system->xOpen(system, name, below(file), flags, flags_given);
  if (code != SQLITE_OK) return code;
  reinterpret_cast<LogFile*>(file)->copy = new Copy;
  file->pMethods = &log_methods;
  return SQLITE_OK;
}

}  // namespace

const char* log_vfs() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs made = *system_vfs();
    made.zName = "cadastre-log";
    made.pNext = nullptr;
    made.szOsFile += static_cast<int>(sizeof(LogFile));
    made.xOpen = open;
    return made;
  }();
  static const int registered = sqlite3_vfs_register(&vfs, 0);
  return registered == SQLITE_OK ? vfs.zName : nullptr;
}

}  // namespace cadastre::sqlite

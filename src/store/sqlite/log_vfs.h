// How the writer's write-ahead log reaches the disk: each commit as a few long writes, instead of two for each page.
#pragma once

namespace cadastre::sqlite {

/// The name of a VFS (sqlite.org/vfs.html) that is the system's own but for write-ahead logs: it keeps a copy of the
/// log in memory, writes what SQLite appends only when SQLite syncs the log, and answers reads from the copy. A commit
/// is as durable as without it: SQLite lets nobody read a frame before the sync that makes it durable has succeeded.
/// Requires that every write to the log comes through one connection; that connection alone needs this VFS.
const char* log_vfs();

}  // namespace cadastre::sqlite

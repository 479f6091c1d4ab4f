// Copies the write-ahead log into the database file without keeping the commits waiting for the disk.
#pragma once

#include <filesystem>
#include <future>

#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

/// Used by the writer's thread alone, between its transactions.
///
/// A checkpoint has two steps. The first copies the pages but does not wait for the disk: another thread syncs the
/// file, while commits go on and a read transaction of our own keeps SQLite from starting the log anew, so that
/// whatever a power failure takes from the file is still in the log. The second step, once the file is synced, copies
/// and syncs the few pages that came meanwhile and lets go of the log.
class Checkpointer {
 public:
  /// The writer outlives this. `frames_max`: how many pages in the log are worth a checkpoint.
  Checkpointer(Connection& writer, const std::filesystem::path& file, int frames_max);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// After a commit: does the step that is due, if any. Waits for the disk only when the log has become too long.
  void step();
  /// When nothing else is to be done: copies what there is, and waits for the disk.
  void step_idle();
  /// True when the log holds pages that are not in the file, durably.
  bool has_work() const { return frames_ > copied_ || syncing_.valid(); }
  /// Copies everything and empties the log, unless readers still need it.
  void finish();

 private:
  void begin();
  void end();
  void copy(int mode);

  Connection& writer_;
  Connection brake_;
  Query hold_;
  int descriptor_ = -1;  // of the database file, for syncing it
  int frames_max_;
  int frames_ = 0;            // in the log
  int copied_ = 0;            // of these
  std::future<int> syncing_;  // errno
};

}  // namespace cadastre::sqlite

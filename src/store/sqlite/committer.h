// The one thread that writes: it takes what is queued, runs it as one transaction, and tells everybody.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/change_group.h"
#include "store/commit_figures.h"
#include "store/lanes.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/transaction.h"

namespace cadastre::sqlite {

struct CommitterLimits {
  std::size_t lane_max;
  std::size_t group_max;
  std::size_t tenants_cached_max;
  int checkpoint_frames;
};

/// Groups form by themselves: what arrives while a commit is under way makes the next one. It never waits for more.
class Committer {
 public:
  /// The connection to the file, to which nobody else writes, and the logs outlive the committer.
  Committer(Connection& connection, const std::filesystem::path& file, DirtyLogs& dirty_logs,
            const CommitterLimits& limits);
  ~Committer();

  bool submit(Change change);
  void subscribe(ChangeFeed& feed);
  StoreFigures figures() const;
  void stop();

 private:
  void run();
  void run_group(ChangeGroup& group);
  /// False when a body must be undone alone, and then all are to be run again apart.
  bool run_together(ChangeGroup& group, ChangeFailures& failures);
  void run_apart(ChangeGroup& group, ChangeFailures& failures);
  void commit();
  void tell();
  void checkpoint(bool is_idle);

  DirtyLogs& dirty_logs_;
  const CommitterLimits limits_;
  Transaction transaction_;
  Checkpointer checkpointer_;
  CommitFigures figures_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable arrived_;
  Lanes lanes_;
  bool waiting_ = false;
  bool stopping_ = false;
  ChangeFeed* feed_ = nullptr;

  std::once_flag joined_;
  std::thread thread_;
};

}  // namespace cadastre::sqlite

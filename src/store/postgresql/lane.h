// One of the threads that write: it takes what is queued for its tenants, runs it as one transaction, and tells.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "store/change_group.h"
#include "store/commit_figures.h"
#include "store/lanes.h"
#include "store/postgresql/transaction.h"

namespace cadastre::postgresql {

struct LaneLimits {
  std::size_t waiting_max;                     ///< Changes of one tenant that may wait.
  std::size_t group_max;                       ///< Changes in one commit.
  std::chrono::milliseconds outcome_patience;  ///< How long a commit whose answer was lost is asked about.
};

/// What a lane tells the store.
struct LaneReports {
  /// Before the answers: what a commit changed.
  std::function<void(const std::vector<Tenant>&)> committed;
  /// Before the answers: a commit may have happened, and nothing more is known of it.
  std::function<void()> lost;
};

/// Groups form by themselves: what arrives while a commit is under way makes the next one. It never waits for more.
class Lane {
 public:
  /// The fence and the figures outlive the lane, which shares them with others.
  Lane(std::shared_ptr<Target> target, const Bytes<16>& writer, const Fence& fence, const LaneLimits& limits,
       CommitFigures& figures, LaneReports reports);
  ~Lane();

  bool submit(Change change);
  std::size_t waiting() const;
  void stop();

 private:
  void run();
  void run_group(ChangeGroup& group);
  /// Runs the group until it is committed. Throws what cannot be mended by running it again.
  void run_until_done(ChangeGroup& group, ChangeFailures& failures);
  void attempt(Transaction::Bodies bodies, ChangeGroup& group, ChangeFailures& failures,
               const std::vector<TenantId>& tenants);
  void run_body(Change& change, std::exception_ptr& failure);
  void run_body_apart(Change& change, std::exception_ptr& failure);
  void commit();
  /// True when the transaction was committed, false when it was not. Throws CommitUnknown.
  bool find_outcome(const CommitLost& lost);
  bool is_over(const CommitLost& lost);
  void pause(int attempts) const;

  Session session_;
  Transaction transaction_;
  const LaneLimits limits_;
  CommitFigures& figures_;
  const LaneReports reports_;
  const SystemClock clock_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable arrived_;
  Lanes lanes_;
  bool waiting_ = false;
  bool stopping_ = false;

  std::once_flag joined_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace cadastre::postgresql

#include "store/sqlite/committer.h"

#include <algorithm>

#include "base/log.h"

namespace cadastre::sqlite {
namespace {

/// How long nothing must have arrived before the log is copied ahead of time.
constexpr auto idle = std::chrono::milliseconds(100);

}  // namespace

Committer::Committer(Connection& connection, const std::filesystem::path& file, DirtyLogs& dirty_logs,
                     const CommitterLimits& limits)
    : dirty_logs_(dirty_logs),
      limits_(limits),
      transaction_(connection, dirty_logs, limits.tenants_cached_max),
      checkpointer_(connection, file, limits.checkpoint_frames),
      lanes_(limits.lane_max) {
  thread_ = std::thread([this] { run(); });
}

Committer::~Committer() { stop(); }

bool Committer::submit(Change change) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    if (!lanes_.push(change)) {
      figures_.count_refused();
      return false;
    }
    wake = waiting_;
  }
  if (wake) arrived_.notify_one();
  return true;
}

void Committer::subscribe(ChangeFeed& feed) {
  const std::lock_guard lock(mutex_);
  feed_ = &feed;
}

StoreFigures Committer::figures() const {
  StoreFigures figures = figures_.figures();
  const std::lock_guard lock(mutex_);
  figures.waiting = lanes_.size();
  return figures;
}

void Committer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  std::call_once(joined_, [this] { thread_.join(); });
}

void Committer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto due = [this] { return lanes_.size() > 0 || stopping_; };
    waiting_ = true;
    if (checkpointer_.has_work())
      arrived_.wait_for(lock, idle, due);
    else
      arrived_.wait(lock, due);
    waiting_ = false;
    if (lanes_.size() == 0 && stopping_) break;
    ChangeGroup group = lanes_.take(limits_.group_max);
    lock.unlock();
    if (!group.empty()) run_group(group);
    checkpoint(group.empty());
    lock.lock();
  }
  lock.unlock();
  checkpointer_.finish();
}

/// What fails here is tried again after the next group: nothing is lost, the log only grows.
void Committer::checkpoint(bool is_idle) {
  try {
    is_idle ? checkpointer_.step_idle() : checkpointer_.step();
  } catch (const StoreFailure& failure) {
    log::warn("the log could not be copied into the database file", {{"reason", failure.what()}});
  }
}

void Committer::run_group(ChangeGroup& group) {
  ChangeFailures failures(group.size());
  bool rerun = false;
  try {
    if (!run_together(group, failures)) {
      rerun = true;
      transaction_.rollback();
      run_apart(group, failures);
    }
    commit();
    tell();
  } catch (const StoreFailure& failure) {
    transaction_.rollback();
    fail_all(failures, failure);
  }
  transaction_.finish();
  figures_.count_group(group.size());
  if (rerun) figures_.count_rerun();
  tell_all(group, failures);
}

bool Committer::run_together(ChangeGroup& group, ChangeFailures& failures) {
  transaction_.begin(Transaction::Bodies::together);
  for (std::size_t i = 0; i < group.size(); ++i) {
    transaction_.begin_body();
    Verdict verdict = Verdict::drop;
    try {
      verdict = group[i].body(transaction_);
    } catch (const SqliteFailure& failure) {
      if (!failure.is_constraint()) throw;
      failures[i] = std::current_exception();
    } catch (const std::exception&) {
      failures[i] = std::current_exception();
    }
    if (verdict == Verdict::commit) continue;
    if (transaction_.body_has_written()) return false;
  }
  try {
    transaction_.flush();
  } catch (const SqliteFailure& failure) {
    if (!failure.is_constraint()) throw;
    return false;
  }
  return true;
}

void Committer::run_apart(ChangeGroup& group, ChangeFailures& failures) {
  transaction_.begin(Transaction::Bodies::apart);
  for (std::size_t i = 0; i < group.size(); ++i) {
    failures[i] = nullptr;
    transaction_.begin_body();
    Verdict verdict = Verdict::drop;
    try {
      verdict = group[i].body(transaction_);
      if (verdict == Verdict::commit) transaction_.keep_body();
    } catch (const SqliteFailure& failure) {
      if (!failure.is_constraint()) throw;
      verdict = Verdict::drop;
      failures[i] = std::current_exception();
    } catch (const std::exception&) {
      verdict = Verdict::drop;
      failures[i] = std::current_exception();
    }
    if (verdict == Verdict::drop) transaction_.drop_body();
  }
}

void Committer::commit() {
  const Stopwatch watch;
  transaction_.commit();
  figures_.count_commit(static_cast<std::uint64_t>(watch.elapsed().count()));
}

void Committer::tell() {
  const Notes& notes = transaction_.notes();
  dirty_logs_.apply(notes.logs);
  ChangeFeed* feed = nullptr;
  {
    const std::lock_guard lock(mutex_);
    feed = feed_;
  }
  if (feed == nullptr) return;
  for (const TenantId& tenant : notes.changed) feed->tenant_changed(transaction_.changed_tenant(tenant));
}

}  // namespace cadastre::sqlite

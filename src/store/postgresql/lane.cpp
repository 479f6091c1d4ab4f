#include "store/postgresql/lane.h"

#include <algorithm>

#include "base/log.h"
#include "store/postgresql/frozen_senders.h"

namespace cadastre::postgresql {
namespace {

constexpr int attempts_max = 12;         // conflicts are rare; each try waits its turn for the locks
constexpr int attempts_of_body_max = 3;  // another process may insert the same key meanwhile
constexpr std::chrono::milliseconds outcome_pause{100};

std::vector<TenantId> tenants_of(const std::vector<Change>& group) {
  std::set<TenantId> tenants;
  for (const Change& change : group) {
    tenants.insert(change.tenant);
    tenants.insert(change.further.begin(), change.further.end());
  }
  return {tenants.begin(), tenants.end()};
}

}  // namespace

Lane::Lane(std::shared_ptr<Target> target, const Bytes<16>& writer, const Fence& fence, const LaneLimits& limits,
           CommitFigures& figures, LaneReports reports)
    : session_(std::move(target)),
      transaction_(session_, writer, fence),
      limits_(limits),
      figures_(figures),
      reports_(std::move(reports)),
      lanes_(limits.waiting_max) {
  thread_ = std::thread([this] { run(); });
}

Lane::~Lane() { stop(); }

bool Lane::submit(Change change) {
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

std::size_t Lane::waiting() const {
  const std::lock_guard lock(mutex_);
  return lanes_.size();
}

void Lane::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  std::call_once(joined_, [this] { thread_.join(); });
}

void Lane::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    waiting_ = true;
    arrived_.wait(lock, [this] { return lanes_.size() > 0 || stopping_; });
    waiting_ = false;
    if (lanes_.size() == 0) return;
    ChangeGroup group = lanes_.take(limits_.group_max);
    lock.unlock();
    run_group(group);
    lock.lock();
  }
}

void Lane::run_group(ChangeGroup& group) {
  ChangeFailures failures(group.size());
  try {
    run_until_done(group, failures);
  } catch (const StoreFailure& failure) {
    transaction_.abandon();
    fail_all(failures, failure);
  }
  figures_.count_group(group.size());
  tell_all(group, failures);
}

void Lane::run_until_done(ChangeGroup& group, ChangeFailures& failures) {
  auto bodies = Transaction::Bodies::together;
  auto tenants = tenants_of(group);
  for (int attempts = 1;;) {
    try {
      return attempt(bodies, group, failures, tenants);
    } catch (const LockNeeded& needed) {  // no conflict: it comes once for each tenant that the bodies change
      tenants.insert(std::ranges::lower_bound(tenants, needed.tenant), needed.tenant);
      transaction_.abandon();
    } catch (const Failure& failure) {
      transaction_.abandon();
      const bool is_hopeless = failure.trouble() == Trouble::statement && bodies == Transaction::Bodies::apart;
      if (is_hopeless || attempts >= attempts_max) throw;
      if (failure.trouble() == Trouble::statement) bodies = Transaction::Bodies::apart;
      if (failure.trouble() == Trouble::conflict) {
        end_frozen_senders(session_);
        pause(attempts);
      }
      ++attempts;
    }
    figures_.count_rerun();
  }
}

void Lane::attempt(Transaction::Bodies bodies, ChangeGroup& group, ChangeFailures& failures,
                   const std::vector<TenantId>& tenants) {
  std::ranges::fill(failures, nullptr);
  transaction_.begin(bodies, tenants);
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (bodies == Transaction::Bodies::together)
      run_body(group[i], failures[i]);
    else
      run_body_apart(group[i], failures[i]);
  }
  transaction_.write();
  commit();
  reports_.committed(transaction_.changed());
}

/// A failure of the database ends the whole attempt; anything else is the body's own.
void Lane::run_body(Change& change, std::exception_ptr& failure) {
  transaction_.begin_body();
  Verdict verdict = Verdict::drop;
  try {
    verdict = change.body(transaction_);
  } catch (const Failure&) {
    throw;
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  verdict == Verdict::commit ? transaction_.keep_body() : transaction_.drop_body();
}

/// A statement at fault is the body's own, too. It may have lost a race: then it sees the winner when it runs again.
void Lane::run_body_apart(Change& change, std::exception_ptr& failure) {
  for (int attempts = 1;; ++attempts) {
    failure = nullptr;
    try {
      return run_body(change, failure);
    } catch (const Failure& fault) {
      if (fault.trouble() != Trouble::statement) throw;
      failure = std::current_exception();
    }
    transaction_.drop_body();
    if (attempts == attempts_of_body_max) return;
    transaction_.forget_reads();
  }
}

void Lane::commit() {
  const Stopwatch watch;
  try {
    transaction_.commit();
  } catch (const CommitLost& lost) {
    if (!find_outcome(lost)) throw Failure(Trouble::connection, lost.what());
  }
  figures_.count_commit(static_cast<std::uint64_t>(watch.elapsed().count()));
}

bool Lane::find_outcome(const CommitLost& lost) {
  log::warn("the database went away during a commit: asking what became of it", {{"reason", lost.what()}});
  for (const Tick give_up = clock_.tick() + limits_.outcome_patience; clock_.tick() < give_up;) {
    try {
      if (is_over(lost)) return transaction_.is_marked(lost);
    } catch (const Failure&) {
      session_.drop();
    }
    rest_for(outcome_pause);
  }
  reports_.lost();
  throw CommitUnknown("the database went away during a commit, and whether it happened is not known");
}

/// Whether the lost transaction has ended. One that the database knows nothing of was lost with a crash; then it may
/// have given the number to another transaction, so how that one ended says nothing.
bool Lane::is_over(const CommitLost& lost) {
  try {
    auto rows = session_.connection().run(Sql::transaction_status, lost.transaction);
    return !rows.next() || rows.is_null(0) || rows.bytes(0) != "in progress";
  } catch (const Failure& failure) {
    if (failure.trouble() == Trouble::statement) return true;  // a number that was not given yet
    throw;
  }
}

/// A little longer after each try, and never as long as another that tries.
void Lane::pause(int attempts) const {
  Bytes<1> chance{};
  SystemRandom().fill(chance);
  rest_for(std::chrono::milliseconds(1 + attempts * chance[0] / 32));
}

}  // namespace cadastre::postgresql

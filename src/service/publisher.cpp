#include "service/publisher.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace cadastre {
namespace {

constexpr std::size_t logs_per_wave = 256;
constexpr std::size_t leaves_per_log_and_wave = 4096;
constexpr std::size_t leaf_bytes_per_wave = 16U << 20U;
constexpr std::size_t logs_per_page = 256;
constexpr std::size_t replaced_tiles_max = 64U << 10U;
constexpr auto wait_after_failures_max = std::chrono::milliseconds(5000);

}  // namespace

/// One log in a wave, and what became of it.
struct Publisher::Job {
  LogBase base;
  std::vector<Leaf> leaves = {};
  std::optional<LogPublication> publication = {};
  std::optional<PublishedCheckpoint> next = {};
  std::optional<LogFinding> finding = {};
  std::exception_ptr failure = {};
  bool is_sound() const { return !finding && !failure; }
};

/// As many logs as fit into memory comfortably.
struct Publisher::Wave {
  std::vector<Job> jobs;
  bool is_all = true;  ///< Nothing that was committed before is left out.
};

Publisher::Publisher(Store& store, TileStore& tiles, HighWater& marks, const Clock& clock, const Bytes<32>& master_seed,
                     PublisherSettings settings)
    : store_(store), tiles_(tiles), marks_(marks), clock_(clock), master_seed_(master_seed), settings_(settings) {}

Publisher::~Publisher() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::vector<LogFinding> Publisher::publish_round() {
  const std::lock_guard lock(round_mutex_);
  const Tick started = clock_.tick();
  std::vector<LogFinding> findings;
  failure_ = nullptr;
  try {
    const auto reader = store_.open_reader();
    if (marks_.is_missing()) marks_.raise({});
    if (std::exchange(is_interrupted_, true)) finish_interrupted(*reader, findings);
    while (publish_wave(load_wave(*reader), findings)) continue;
    remove_replaced(false);
  } catch (const std::exception&) {
    keep_failure(std::current_exception());
  }
  is_interrupted_ = failure_ != nullptr;
  note_round(started, is_interrupted_);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  return findings;
}

/// Calls `work`, which does not throw, with each number below `count`, in as many threads as are set.
void Publisher::in_threads(std::size_t count, const std::function<void(std::size_t)>& work) const {
  std::atomic<std::size_t> next = 0;
  const auto take_turns = [&] {
    for (std::size_t turn; (turn = next++) < count;) work(turn);
  };
  std::vector<std::jthread> threads;
  while (threads.size() + 1 < std::min<std::size_t>(settings_.threads, count)) threads.emplace_back(take_turns);
  take_turns();
}

/// Keeps what a step refuses or throws as the outcome of its job.
void Publisher::attempt(Job& job, const std::function<Step()>& step) {
  std::optional<LogFinding> finding;
  std::exception_ptr failure;
  try {
    if (auto done = step(); !done) finding = std::move(done).error();
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (!finding && !failure) return;
  const std::lock_guard lock(mutex_);  // several threads may work for one job
  if (finding) job.finding = std::move(finding);
  if (failure) job.failure = std::move(failure);
}

void Publisher::attempt_each(std::vector<Job>& jobs, const std::function<Step(Job&)>& step) {
  in_threads(jobs.size(), [&](std::size_t index) {
    Job& job = jobs[index];
    if (job.is_sound()) attempt(job, [&] { return step(job); });
  });
}

/// Writes the files of all jobs, those of one log at once too.
void Publisher::write_files(std::vector<Job>& jobs) {
  struct Write {
    Job* job;
    std::size_t file;
  };
  std::vector<Write> writes;
  for (Job& job : jobs) {
    for (std::size_t file = 0; job.publication && file < job.publication->files(); ++file)
      writes.push_back({&job, file});
  }
  in_threads(writes.size(), [&](std::size_t index) {
    const auto& [job, file] = writes[index];
    attempt(*job, [&] { return job->publication->write(tiles_, file); });
  });
}

Publisher::Job Publisher::load(Reader& reader, LogState log) const {
  Job job{.base = {.log = std::move(log)}};
  const TenantId& tenant = job.base.log.tenant;
  job.base.last = reader.checkpoint(tenant);
  LeafQuery query;
  query.from = job.base.last ? job.base.last->size : 0;
  query.limit = leaves_per_log_and_wave;
  job.leaves = reader.leaves(tenant, query);
  return job;
}

Publisher::Wave Publisher::load_wave(Reader& reader) {
  Wave wave;
  const std::size_t limit = logs_per_wave + frozen_.size();
  auto logs = reader.unpublished_logs(limit);
  wave.is_all = logs.size() < limit;
  std::size_t bytes = 0;
  for (LogState& log : logs) {
    if (frozen_.contains(log.head.log_id)) continue;
    if (bytes > leaf_bytes_per_wave) {
      wave.is_all = false;
      break;
    }
    const Job& job = wave.jobs.emplace_back(load(reader, std::move(log)));
    for (const Leaf& leaf : job.leaves) bytes += leaf.bytes.size();
    if (job.leaves.size() == leaves_per_log_and_wave) wave.is_all = false;
  }
  note_oldest(wave.jobs);
  return wave;
}

/// False when no further wave is needed, or none would get further.
bool Publisher::publish_wave(Wave wave, std::vector<LogFinding>& findings) {
  attempt_each(wave.jobs, [this](Job& job) -> Step {
    job.publication = TRY(LogPublication::prepare(tiles_, marks_, master_seed_, job.base, job.leaves));
    return {};
  });
  write_files(wave.jobs);
  attempt_each(wave.jobs, [this](Job& job) -> Step {
    job.next = TRY(job.publication->read_back_and_sign(tiles_));
    return {};
  });
  auto signed_jobs = sort_out(wave.jobs, findings);
  swap_in(signed_jobs);
  finish(signed_jobs);
  return !signed_jobs.empty() && !wave.is_all;
}

/// Freezes the logs with a finding, keeps the first failure, and answers the jobs that can go on.
std::vector<Publisher::Job*> Publisher::sort_out(std::vector<Job>& jobs, std::vector<LogFinding>& findings) {
  std::vector<Job*> sound;
  for (Job& job : jobs) {
    if (job.failure) {
      keep_failure(job.failure);
    } else if (job.finding) {
      frozen_.insert(job.finding->log_id);
      findings.push_back(*job.finding);
    } else {
      sound.push_back(&job);
    }
  }
  const std::lock_guard lock(mutex_);
  figures_.frozen_logs = frozen_.size();
  return sound;
}

/// Makes the store know of the checkpoints, all in one transaction; drops the jobs whose log someone else published.
void Publisher::swap_in(std::vector<Job*>& jobs) {
  if (jobs.empty()) return;
  const auto swapped = transact(store_, TenantId::platform(), [&](Tx& tx) -> Result<std::vector<bool>> {
    std::vector<bool> done;
    for (const Job* const job : jobs) done.push_back(tx.publish(*job->next, job->base.last ? job->base.last->size : 0));
    return done;
  });
  std::size_t index = 0;
  std::erase_if(jobs, [&](const Job*) { return !(*swapped)[index++]; });
}

/// The steps after the store knows of the checkpoints. Cosignatures, once there are witnesses, are collected before the
/// files are put in place; the platform's CHECKPOINT leaves follow after.
void Publisher::finish(const std::vector<Job*>& jobs) {
  if (jobs.empty()) return;
  std::vector<WaterMark> raised;
  for (const Job* const job : jobs) {
    raised.push_back({.log_id = job->next->log_id, .size = job->next->size, .root = job->next->root});
  }
  marks_.raise(raised);
  in_threads(jobs.size(), [&](std::size_t index) {
    attempt(*jobs[index], [&]() -> Step {
      put_in_place(tiles_, *jobs[index]->next);
      return {};
    });
  });
  std::vector<WaterMark> settled;
  std::uint64_t leaves = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i]->failure) {
      keep_failure(jobs[i]->failure);
      continue;
    }
    settled.push_back(raised[i]);
    leaves += jobs[i]->leaves.size();
    schedule_removal(*jobs[i]);
  }
  marks_.settle(settled);
  const std::lock_guard lock(mutex_);
  figures_.checkpoints += settled.size();
  figures_.leaves += leaves;
}

/// Completes the publications that the store knows of and whose last steps may not have been done.
void Publisher::finish_interrupted(Reader& reader, std::vector<LogFinding>& findings) {
  std::optional<TenantId> after;
  for (auto logs = reader.logs(after, logs_per_page); !logs.empty(); logs = reader.logs(after, logs_per_page)) {
    after = logs.back().tenant;
    std::vector<Job> jobs;
    for (LogState& log : logs) {
      const auto mark = marks_.find(log.head.log_id);
      const bool is_done = log.published_size == 0 || (mark && mark->is_settled && mark->size == log.published_size);
      if (is_done || frozen_.contains(log.head.log_id)) continue;
      Job job{.base = {.log = std::move(log)}};
      job.base.last = job.next = reader.checkpoint(job.base.log.tenant);
      if (job.next) jobs.push_back(std::move(job));
    }
    finish_logs(std::move(jobs), findings);
  }
}

void Publisher::finish_logs(std::vector<Job> jobs, std::vector<LogFinding>& findings) {
  attempt_each(jobs, [this](Job& job) -> Step {
    TRY(check_base(tiles_, marks_, master_seed_, job.base));
    return {};
  });
  finish(sort_out(jobs, findings));
}

void Publisher::keep_failure(std::exception_ptr failure) {
  if (!failure_) failure_ = std::move(failure);
}

void Publisher::schedule_removal(const Job& job) {
  const std::uint64_t old_size = job.next->size - job.leaves.size();
  for (const ledger::TileId& tile : ledger::tiles_replaced(old_size, job.next->size)) {
    replaced_.push_back(
        {clock_.tick() + settings_.grace, job.next->tenant, job.next->log_id, ledger::partial_folder(tile)});
  }
}

void Publisher::remove_replaced(bool all) {
  const Tick now = clock_.tick();
  while (!replaced_.empty() && (all || replaced_.front().due <= now || replaced_.size() > replaced_tiles_max)) {
    const ReplacedTile tile = std::move(replaced_.front());
    replaced_.pop_front();
    for (const std::string& name : tiles_.list(tile.tenant, tile.log_id, tile.folder)) {
      tiles_.remove(tile.tenant, tile.log_id, tile.folder + '/' + name);
    }
  }
}

void Publisher::note_oldest(const std::vector<Job>& jobs) {
  std::optional<Instant> oldest;
  for (const Job& job : jobs) {
    if (!job.leaves.empty() && (!oldest || job.leaves.front().ts < *oldest)) oldest = job.leaves.front().ts;
  }
  const std::lock_guard lock(mutex_);
  oldest_unpublished_ = oldest;
}

void Publisher::note_round(Tick started, bool failed) {
  const std::lock_guard lock(mutex_);
  ++figures_.rounds;
  if (failed) ++figures_.failed_rounds;
  if (!failed && figures_.frozen_logs == 0) oldest_unpublished_.reset();
  figures_.last_round = clock_.tick() - started;
}

void Publisher::start(Reports reports) {
  reports_ = std::move(reports);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Publisher::run(const std::stop_token& stop) {
  std::chrono::milliseconds wait{0};
  while (!stop.stop_requested()) {
    wait = wait_until_next(round_succeeds(), wait);
    std::mutex nothing;
    std::unique_lock lock(nothing);
    std::condition_variable_any never;
    never.wait_for(lock, stop, wait, [] { return false; });
  }
}

/// Rounds start an interval apart, with a pause after a long one; after failures ever more seldom.
std::chrono::milliseconds Publisher::wait_until_next(bool succeeded, std::chrono::milliseconds waited) const {
  const auto interval = settings_.interval;
  if (!succeeded) return std::clamp(2 * waited, interval, wait_after_failures_max);
  return std::max(interval - figures().last_round, interval / 4);
}

bool Publisher::round_succeeds() {
  try {
    for (const LogFinding& finding : publish_round()) reports_.finding(finding);
    return true;
  } catch (const std::exception& failure) {  // the top of this thread, as `main` is of the other
    reports_.failure(failure.what());
    return false;
  }
}

void Publisher::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  if (!round_succeeds()) return;
  const std::lock_guard lock(round_mutex_);
  remove_replaced(true);
}

PublisherFigures Publisher::figures() const {
  const std::lock_guard lock(mutex_);
  PublisherFigures figures = figures_;
  if (oldest_unpublished_) figures.lag = std::max(clock_.now() - *oldest_unpublished_, std::chrono::milliseconds(0));
  return figures;
}

}  // namespace cadastre

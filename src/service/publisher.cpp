#include "service/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "base/threads.h"

namespace cadastre {
namespace {

constexpr std::size_t leaves_per_log_and_wave = 4096;
constexpr std::size_t leaf_bytes_per_wave = 16U << 20U;
constexpr std::size_t logs_per_swap = 256;  // in one transaction, which the changes of others wait for
constexpr std::size_t logs_per_page = 256;
constexpr std::size_t replaced_tiles_max = 64U << 10U;
constexpr std::chrono::milliseconds removed_by_others{15'000};  // another publishes within 5 s, and removes what is due
constexpr std::chrono::milliseconds pause_max{2000};
constexpr auto wait_after_failures_max = std::chrono::milliseconds(5000);
constexpr const char* lease_went = "the publisher's lease went to another process";

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
                     PublisherSettings settings, PublisherLease* lease)
    : store_(store),
      tiles_(tiles),
      marks_(marks),
      lease_(lease),
      clock_(clock),
      master_seed_(master_seed),
      settings_(settings) {}

Publisher::~Publisher() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::vector<LogFinding> Publisher::publish_round() {
  const std::lock_guard lock(round_mutex_);
  const Tick started = clock_.tick();
  std::vector<LogFinding> findings;
  failure_ = nullptr;
  is_behind_ = true;
  try {
    const auto reader = store_.open_reader();
    if (marks_.is_missing()) marks_.raise({});
    if (may_publish(*reader, findings)) {
      if (std::exchange(is_interrupted_, true)) finish_interrupted(*reader, findings);
      is_behind_ = !publish_waves(*reader, findings);
      remove_replaced(false);
    }
  } catch (const std::exception&) {
    keep_failure(std::current_exception());
  }
  is_interrupted_ = failure_ != nullptr || !is_publishing_;
  if (failure_ && is_publishing_ && lease_ != nullptr) leave_lease();
  note_round(started, failure_ != nullptr);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  return findings;
}

/// Whether it is this process that publishes; otherwise it has followed the one that does. Who begins to publish, or
/// begins again after another did, knows first of all that was shown.
bool Publisher::may_publish(Reader& reader, std::vector<LogFinding>& findings) {
  if (lease_ == nullptr) return is_publishing_ = true;
  const bool was_publishing = std::exchange(is_publishing_, false);
  const auto fence = lease_->take();
  const bool goes_on = was_publishing && fence && fence == fence_;
  fence_ = fence;
  if (!goes_on) {
    is_interrupted_ = true;
    follow(reader, findings);
  }
  is_publishing_ = fence && lease_->confirm();
  is_behind_ = false;
  return is_publishing_;
}

/// Knows what the others have put in place, and which tiles were replaced by it: they are for this process to remove,
/// if it publishes when they are due.
void Publisher::follow(Reader& reader, std::vector<LogFinding>& findings) {
  auto followed = follow_checkpoints(*lease_, reader, marks_, master_seed_);
  std::ranges::move(followed.findings, std::back_inserter(findings));
  for (const LogGrowth& log : followed.grown) schedule_removal(log);
  const Tick now = clock_.tick();
  const auto is_removed = [&](const ReplacedTile& tile) { return tile.due + removed_by_others <= now; };
  while (!replaced_.empty() && (is_removed(replaced_.front()) || replaced_.size() > replaced_tiles_max)) {
    replaced_.pop_front();
  }
}

/// Perhaps another can do what this process cannot. When not even this can be done, the lease ends by itself.
void Publisher::leave_lease() {
  try {
    lease_->release();
  } catch (const StoreFailure& failure) {
    log::warn("the publisher's lease could not be left; it ends by itself", {{"reason", failure.what()}});
  }
  is_publishing_ = false;
}

/// Long work keeps the lease. Losing it is no harm, but then nothing more can be written in this round.
void Publisher::expect_lease() {
  if (lease_ != nullptr && !lease_->keep()) throw StoreFailure(lease_went);
}

/// Who lost the lease has compared what was loaded before with what another has published since.
void Publisher::expect_alone() {
  if (lease_ != nullptr && !lease_->confirm()) throw StoreFailure(lease_went);
}

/// Keeps what a step refuses or throws as the outcome of its job.
void Publisher::attempt(Job& job, const std::function<Step()>& step) {
  try {
    if (auto done = step(); !done) job.finding = std::move(done).error();
  } catch (const std::exception&) {
    job.failure = std::current_exception();
  }
}

void Publisher::attempt_each(std::vector<Job>& jobs, const std::function<Step(Job&)>& step) {
  in_threads(jobs.size(), core_count(), [&](std::size_t index) {
    Job& job = jobs[index];
    if (!job.is_sound()) return;
    attempt(job, [&] {
      expect_lease();
      return step(job);
    });
  });
}

/// Writes the bundles and tiles of all jobs as one batch.
void Publisher::create_files(std::vector<Job>& jobs) {
  struct Origin {
    Job* job;
    std::size_t file;
  };
  std::vector<PublishedFile> batch;
  std::vector<Origin> origins;
  for (Job& job : jobs) {
    if (!job.is_sound()) continue;
    auto files = job.publication->files();
    for (std::size_t file = 0; file < files.size(); ++file) origins.push_back({&job, file});
    std::ranges::move(files, std::back_inserter(batch));
  }
  const FileFailures failures = tiles_.create(batch);
  for (std::size_t i = 0; i < failures.size(); ++i) {
    auto& [job, file] = origins[i];
    if (failures[i]) attempt(*job, [&] { return job->publication->explain(tiles_, file, failures[i]); });
  }
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

/// About what a job holds of leaves: the new ones, and those that its last bundle begins with.
std::size_t Publisher::bytes_held(const Job& job) {
  std::size_t bytes = 0;
  for (const Leaf& leaf : job.leaves) bytes += leaf.bytes.size();
  const std::size_t count = job.leaves.size();
  return count == 0 ? 0 : bytes + bytes / count * (job.leaves.front().seq % ledger::tile_width_max);
}

Publisher::Wave Publisher::load_wave(Reader& reader) {
  Wave wave;
  const std::size_t limit = settings_.logs_per_wave + frozen_.size();
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
    bytes += bytes_held(job);
    if (job.leaves.size() == leaves_per_log_and_wave) wave.is_all = false;
  }
  note_waiting(wave.jobs);
  return wave;
}

/// Publishes wave after wave. False when something is left that can be published: the patience of a stop is over, or
/// no log of a wave got further.
bool Publisher::publish_waves(Reader& reader, std::vector<LogFinding>& findings) {
  for (;;) {
    Wave wave = load_wave(reader);
    const bool is_all = wave.is_all;
    if (wave.jobs.empty()) return is_all;
    if (is_patience_over()) return false;
    if (!publish_wave(std::move(wave), findings) || is_all) return is_all;
  }
}

/// False when none of its logs got further.
bool Publisher::publish_wave(Wave wave, std::vector<LogFinding>& findings) {
  attempt_each(wave.jobs, [this](Job& job) -> Step {
    job.publication = TRY(LogPublication::prepare(tiles_, marks_, master_seed_, job.base, job.leaves));
    return {};
  });
  create_files(wave.jobs);
  attempt_each(wave.jobs, [this](Job& job) -> Step {
    job.next = TRY(job.publication->read_back_and_sign(tiles_));
    return {};
  });
  auto signed_jobs = sort_out(wave.jobs, findings);
  swap_in(signed_jobs);
  finish(signed_jobs);
  return !signed_jobs.empty();
}

/// Freezes the logs with a finding, keeps the first failure, and answers the jobs that can go on.
std::vector<Publisher::Job*> Publisher::sort_out(std::vector<Job>& jobs, std::vector<LogFinding>& findings) {
  expect_alone();
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

/// Makes the store know of the checkpoints; drops the jobs whose log someone else published.
void Publisher::swap_in(std::vector<Job*>& jobs) {
  std::vector<Job*> swapped_in;
  for (std::size_t first = 0; first < jobs.size(); first += logs_per_swap) {
    const auto some = std::span(jobs).subspan(first, std::min(logs_per_swap, jobs.size() - first));
    std::vector<TenantId> tenants;
    for (const Job* const job : some) tenants.push_back(job->next->tenant);
    const auto publish = [&](Tx& tx) -> Result<std::vector<bool>> {
      std::vector<bool> done;
      for (const Job* const job : some) {
        done.push_back(tx.publish(*job->next, job->base.last ? job->base.last->size : 0));
      }
      return done;
    };
    const auto swapped = transact(store_, TenantId::platform(), publish, std::move(tenants));
    for (std::size_t i = 0; i < some.size(); ++i) {
      if ((*swapped)[i]) swapped_in.push_back(some[i]);
    }
  }
  jobs = std::move(swapped_in);
}

/// Keeps each note as `history/<size>`, then replaces `checkpoint` by it.
void Publisher::put_in_place(std::vector<Job*> jobs) {
  const auto put = [&](auto path_of, FileFailures (TileStore::*write)(std::span<const PublishedFile>)) {
    std::vector<PublishedFile> batch;
    for (const Job* const job : jobs) {
      batch.push_back({job->next->tenant, job->next->log_id, path_of(*job->next), job->next->note});
    }
    const FileFailures failures = (tiles_.*write)(batch);
    for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i]->failure = failures[i];
    std::erase_if(jobs, [](const Job* job) { return !job->is_sound(); });
  };
  put([](const PublishedCheckpoint& next) { return fmt::format("history/{}", next.size); }, &TileStore::create);
  put([](const PublishedCheckpoint&) { return std::string("checkpoint"); }, &TileStore::replace);
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
  put_in_place(jobs);
  std::vector<WaterMark> settled;
  std::uint64_t leaves = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i]->failure) {
      keep_failure(jobs[i]->failure);
      continue;
    }
    settled.push_back(raised[i]);
    leaves += jobs[i]->leaves.size();
    const std::uint64_t size = jobs[i]->next->size;
    schedule_removal({jobs[i]->next->tenant, jobs[i]->next->log_id, size - jobs[i]->leaves.size(), size});
  }
  marks_.settle(settled);
  const std::lock_guard lock(mutex_);
  figures_.checkpoints += settled.size();
  figures_.leaves += leaves;
  if (!settled.empty()) waiting_since_.reset();
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

void Publisher::schedule_removal(const LogGrowth& log) {
  for (const ledger::TileId& tile : ledger::tiles_replaced(log.old_size, log.size)) {
    replaced_.push_back({clock_.tick() + settings_.grace, log.tenant, log.log_id, ledger::partial_folder(tile)});
  }
}

void Publisher::remove_replaced(bool all) {
  const Tick now = clock_.tick();
  const auto is_due = [&](const ReplacedTile& tile) { return all || tile.due <= now; };
  while (!replaced_.empty() && (is_due(replaced_.front()) || replaced_.size() > replaced_tiles_max)) {
    if (is_patience_over()) return;
    const ReplacedTile tile = std::move(replaced_.front());
    replaced_.pop_front();
    tiles_.remove(tile.tenant, tile.log_id, tile.folder);
  }
}

/// A stop was asked for, long enough ago.
bool Publisher::is_patience_over() const {
  const std::lock_guard lock(mutex_);
  return stop_deadline_ && clock_.tick() >= *stop_deadline_;
}

void Publisher::note_waiting(const std::vector<Job>& jobs) {
  std::optional<Instant> oldest;
  for (const Job& job : jobs) {
    if (!job.leaves.empty() && (!oldest || job.leaves.front().ts < *oldest)) oldest = job.leaves.front().ts;
  }
  const std::lock_guard lock(mutex_);
  oldest_unpublished_ = oldest;
  if (oldest && !waiting_since_) waiting_since_ = clock_.tick();
}

void Publisher::note_round(Tick started, bool failed) {
  const std::lock_guard lock(mutex_);
  ++figures_.rounds;
  if (failed) ++figures_.failed_rounds;
  if (!failed && figures_.frozen_logs == 0) oldest_unpublished_.reset();
  if (!failed) waiting_since_.reset();
  if (failed && !waiting_since_) waiting_since_ = clock_.tick();
  figures_.is_publishing = is_publishing_;
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

/// Rounds start an interval apart. After a long one there is a pause as long: those who wait for the same disk have
/// half of it. After failures ever more seldom.
std::chrono::milliseconds Publisher::wait_until_next(bool succeeded, std::chrono::milliseconds waited) const {
  const auto interval = settings_.interval;
  if (!succeeded) return std::clamp(2 * waited, interval, wait_after_failures_max);
  const auto last = figures().last_round;
  return std::max(interval - last, std::clamp(last, interval / 4, pause_max));
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

bool Publisher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_deadline_ = clock_.tick() + settings_.stop_patience;
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  const bool is_done = round_succeeds();
  const std::lock_guard lock(round_mutex_);
  if (is_done && is_publishing_) remove_replaced(lease_ == nullptr);
  if (is_publishing_ && lease_ != nullptr) leave_lease();
  return is_done && !is_behind_;
}

PublisherFigures Publisher::figures() const {
  const std::lock_guard lock(mutex_);
  PublisherFigures figures = figures_;
  if (oldest_unpublished_) figures.lag = std::max(clock_.now() - *oldest_unpublished_, std::chrono::milliseconds(0));
  if (waiting_since_) figures.stalled = clock_.tick() - *waiting_since_;
  return figures;
}

}  // namespace cadastre

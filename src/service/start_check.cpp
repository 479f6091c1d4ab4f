#include "service/start_check.h"

#include <fmt/format.h>

#include <condition_variable>
#include <set>
#include <utility>

#include "base/threads.h"

namespace cadastre {
namespace {

constexpr std::size_t logs_per_page = 256;
constexpr std::size_t findings_max = 100;

/// Calls `visit` with every log of the store.
template <class Visit>
void for_each_log(Reader& reader, Visit visit) {
  std::optional<TenantId> after;
  for (auto logs = reader.logs(after, logs_per_page); !logs.empty(); logs = reader.logs(after, logs_per_page)) {
    for (const LogState& log : logs) visit(log);
    after = logs.back().tenant;
  }
}

}  // namespace

StartCheck::StartCheck(Store& store, TileStore& tiles, const HighWater& marks, const Clock& clock,
                       const Bytes<32>& master_seed, StartCheckSettings settings)
    : store_(store), tiles_(tiles), marks_(marks), clock_(clock), master_seed_(master_seed), settings_(settings) {}

StartCheck::~StartCheck() { stop(); }

std::vector<LogFinding> StartCheck::run() {
  const Tick deadline = clock_.tick() + settings_.budget;
  check_marks(*store_.open_reader());
  std::exception_ptr failure;
  {
    std::vector<std::jthread> threads;
    for (unsigned count = 0; count < settings_.threads; ++count) {
      threads.emplace_back([&] {
        try {
          check_edges({}, deadline);
        } catch (const std::exception&) {
          const std::lock_guard lock(mutex_);
          failure = std::current_exception();
        }
      });
    }
  }
  if (failure) std::rethrow_exception(failure);
  return take_findings();
}

std::vector<LogFinding> StartCheck::run_full() {
  const auto reader = store_.open_reader();
  check_marks(*reader);
  check_all(*reader, {});
  return take_findings();
}

/// What the store says of each log against the high-water marks: a few rows a log, no file.
void StartCheck::check_marks(Reader& reader) {
  std::uint64_t logs = 0;
  std::size_t matched = 0;
  std::vector<LogFinding> findings;
  for_each_log(reader, [&](const LogState& log) {
    ++logs;
    if (marks_.find(log.head.log_id)) ++matched;
    if (auto finding = check_mark(marks_, log)) findings.push_back(*std::move(finding));
    if (marks_.is_missing() && log.published_size != 0) {
      findings.push_back({log.tenant, log.head.log_id, log.published_size,
                          "the high-water marks are missing, though the log was published"});
    }
  });
  keep(std::move(findings));
  if (matched != marks_.count()) find_lost_logs(reader);
  const std::lock_guard lock(mutex_);
  logs_ = logs;
}

/// The logs that were published once and that the store knows nothing of, and those it knows twice.
void StartCheck::find_lost_logs(Reader& reader) {
  std::set<LogId> known;
  std::vector<LogFinding> findings;
  for_each_log(reader, [&](const LogState& log) {
    if (known.insert(log.head.log_id).second) return;
    findings.push_back({log.tenant, log.head.log_id, 0, "another tenant's log has the same log_id"});
  });
  for (const WaterMark& mark : marks_.marks()) {
    if (known.contains(mark.log_id)) continue;
    findings.push_back({{},
                        mark.log_id,
                        0,
                        fmt::format("{} leaves were published, the store does not know the log: it was deleted or "
                                    "brought back from an older state",
                                    mark.size)});
  }
  keep(std::move(findings));
}

/// The next log whose edge was not checked yet.
std::optional<LogState> StartCheck::next_log(Reader& reader) {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty() && !is_end_) {
    for (LogState& log : reader.logs(last_waiting_, logs_per_page)) waiting_.push_back(std::move(log));
    is_end_ = waiting_.empty();
    if (!is_end_) last_waiting_ = waiting_.back().tenant;
  }
  if (waiting_.empty()) return std::nullopt;
  LogState log = std::move(waiting_.front());
  waiting_.pop_front();
  return log;
}

void StartCheck::check_edges(const std::stop_token& stop, std::optional<Tick> deadline) {
  const auto reader = store_.open_reader();
  while (!stop.stop_requested() && (!deadline || clock_.tick() < *deadline)) {
    const auto log = next_log(*reader);
    if (!log) return;
    keep(check_log({*reader, tiles_, marks_}, *log, CheckDepth::edge, &master_seed_, edge_progress_, stop));
  }
}

void StartCheck::check_all(Reader& reader, const std::stop_token& stop) {
  full_progress_.logs = 0;
  for_each_log(reader, [&](const LogState& log) {
    if (stop.stop_requested()) return;
    keep(check_log({reader, tiles_, marks_}, log, CheckDepth::full, &master_seed_, full_progress_, stop));
  });
  if (stop.stop_requested()) return;
  const std::lock_guard lock(mutex_);
  ++full_checks_;
  if (findings_.empty()) verified_ = clock_.now();
}

void StartCheck::continue_in_background(Reports reports) {
  reports_ = std::move(reports);
  thread_ = std::jthread([this](const std::stop_token& stop) { run_in_background(stop); });
}

void StartCheck::run_in_background(const std::stop_token& stop) {
  yield_to_others();
  while (!stop.stop_requested()) {
    try {
      check_edges(stop, {});
      report_background();
      check_all(*store_.open_reader(), stop);
    } catch (const std::exception& failure) {  // the top of this thread, as `main` is of the other
      reports_.failure(failure.what());
    }
    report_background();
    std::mutex nothing;
    std::unique_lock lock(nothing);
    std::condition_variable_any never;
    never.wait_for(lock, stop, settings_.repeat, [] { return false; });
  }
}

void StartCheck::report_background() {
  for (const LogFinding& finding : take_findings()) reports_.finding(finding);
}

void StartCheck::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void StartCheck::keep(std::vector<LogFinding> findings) {
  const std::lock_guard lock(mutex_);
  for (LogFinding& finding : findings) {
    if (findings_.size() < findings_max) findings_.push_back(std::move(finding));
  }
}

std::vector<LogFinding> StartCheck::take_findings() {
  const std::lock_guard lock(mutex_);
  return std::exchange(findings_, {});
}

StartCheckFigures StartCheck::figures() const {
  const std::lock_guard lock(mutex_);
  return {.logs = logs_,
          .logs_at_edge = edge_progress_.logs,
          .logs_in_full = full_progress_.logs,
          .leaves = edge_progress_.leaves + full_progress_.leaves,
          .full_checks = full_checks_,
          .verified = verified_};
}

}  // namespace cadastre

// Publishes the logs: from committed leaves to signed checkpoints (LEDGER.md section 3).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <expected>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "service/checkpoint_follower.h"
#include "service/log_check.h"
#include "service/log_publication.h"
#include "service/ports.h"

namespace cadastre {

struct PublisherSettings {
  std::chrono::milliseconds interval{200};
  std::size_t logs_per_wave = 1024;  ///< Published together: six syncs, however many they are.
  /// How long a partial tile stays that a full one has replaced, for those who read by an older checkpoint.
  std::chrono::milliseconds grace = std::chrono::minutes(10);
  std::chrono::milliseconds stop_patience = std::chrono::seconds(5);  ///< A stop begins no further wave after it.
};

/// Figures for metrics, all since the start.
struct PublisherFigures {
  std::uint64_t rounds = 0;
  std::uint64_t failed_rounds = 0;
  std::uint64_t checkpoints = 0;  ///< Logs published, each time.
  std::uint64_t leaves = 0;
  std::uint64_t frozen_logs = 0;
  std::chrono::milliseconds last_round{0};
  bool is_publishing = true;         ///< False while another process has the lease; then what follows is nothing.
  std::chrono::milliseconds lag{0};  ///< Age of the oldest leaf that was not published when last looked at.
  /// How long nothing was published although something waits: rounds fail, or the disk hangs. Load makes it no longer.
  std::chrono::milliseconds stalled{0};
};

/// Follows the store: writes and signs what is new of every log, many logs at once, and never signs over a
/// contradiction. A log that contradicts itself is frozen: reported once, not published any more. Whatever was cut off
/// is done again from the store by the next round. One publisher at a time writes to a store: the one with the lease.
/// The others follow: each keeps its own high-water marks at what was put in place, after checking its signature, so
/// that it can go on at once, and so that each of them notices a store brought back from an older state.
class Publisher {
 public:
  struct Reports {
    /// A log is frozen. Called on the publisher's thread.
    std::function<void(const LogFinding&)> finding = [](const LogFinding&) {};
    /// A round failed; it is tried again.
    std::function<void(const std::string&)> failure = [](const std::string&) {};
  };

  /// `clock` may be read from several threads. Without a lease (null) this process is the only one on the store.
  Publisher(Store& store, TileStore& tiles, HighWater& marks, const Clock& clock, const Bytes<32>& master_seed,
            PublisherSettings settings = {}, PublisherLease* lease = nullptr);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  ~Publisher();

  /// Publishes what was committed before the call, or follows. Answers the logs it had to freeze. Throws what the store
  /// or the files threw, after all other logs were published.
  std::vector<LogFinding> publish_round();

  /// Publishes at every interval from a thread of its own.
  void start(Reports reports);
  /// Ends that thread after the wave in progress, publishes what is left, and, when nobody else serves this store,
  /// removes the partial tiles that were replaced, as far as the patience lasts. True when everything is published;
  /// else the rest is after the next start.
  bool stop();

  PublisherFigures figures() const;

 private:
  struct Job;
  struct Wave;
  struct ReplacedTile {
    Tick due;
    TenantId tenant;
    LogId log_id{};
    std::string folder;
  };

  void run(const std::stop_token& stop);
  bool round_succeeds();
  bool may_publish(Reader& reader, std::vector<LogFinding>& findings);
  void follow(Reader& reader, std::vector<LogFinding>& findings);
  void expect_lease();
  void expect_alone();
  void leave_lease();
  std::chrono::milliseconds wait_until_next(bool succeeded, std::chrono::milliseconds waited) const;
  void finish_interrupted(Reader& reader, std::vector<LogFinding>& findings);
  void finish_logs(std::vector<Job> jobs, std::vector<LogFinding>& findings);
  Job load(Reader& reader, LogState log) const;
  static std::size_t bytes_held(const Job& job);
  Wave load_wave(Reader& reader);
  bool publish_waves(Reader& reader, std::vector<LogFinding>& findings);
  bool publish_wave(Wave wave, std::vector<LogFinding>& findings);
  void swap_in(std::vector<Job*>& jobs);
  void finish(const std::vector<Job*>& jobs);
  std::vector<Job*> sort_out(std::vector<Job>& jobs, std::vector<LogFinding>& findings);
  void keep_failure(std::exception_ptr failure);
  void schedule_removal(const LogGrowth& log);
  void remove_replaced(bool all);
  bool is_patience_over() const;
  void note_waiting(const std::vector<Job>& jobs);
  void note_round(Tick started, bool failed);
  using Step = std::expected<void, LogFinding>;
  void attempt(Job& job, const std::function<Step()>& step);
  void attempt_each(std::vector<Job>& jobs, const std::function<Step(Job&)>& step);
  void create_files(std::vector<Job>& jobs);
  void put_in_place(std::vector<Job*> jobs);

  Store& store_;
  TileStore& tiles_;
  HighWater& marks_;
  PublisherLease* const lease_;
  const Clock& clock_;
  const Bytes<32> master_seed_;
  const PublisherSettings settings_;
  Reports reports_;

  std::mutex round_mutex_;             // one round at a time; guards what follows
  bool is_publishing_ = false;         // in the last round
  std::optional<std::int64_t> fence_;  // under which it was, if it was
  bool is_interrupted_ = true;         // a round may have been cut off before this one, in this process or the last
  std::set<LogId> frozen_;
  std::deque<ReplacedTile> replaced_;
  std::exception_ptr failure_;  // the first of this round
  bool is_behind_ = true;       // the last round left something to publish

  mutable std::mutex mutex_;  // guards what follows
  PublisherFigures figures_;
  std::optional<Instant> oldest_unpublished_;
  std::optional<Tick> waiting_since_;  // something waits, and nothing was published since
  std::optional<Tick> stop_deadline_;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace cadastre

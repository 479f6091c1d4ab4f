// All logs, before the first request is answered and ever after (LEDGER.md section 4).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "service/log_check.h"
#include "service/ports.h"

namespace cadastre {

struct StartCheckSettings {
  unsigned threads = 2;
  std::chrono::milliseconds budget{1500};  ///< The edges that are not checked by then are checked in the background.
  std::chrono::milliseconds repeat = std::chrono::hours(24);  ///< From one end of the full check to its next start.
};

/// For metrics and `/readyz`.
struct StartCheckFigures {
  std::uint64_t logs = 0;           ///< Known at the start.
  std::uint64_t logs_at_edge = 0;   ///< Whose edge was checked.
  std::uint64_t logs_in_full = 0;   ///< Hashed again since the last full check began.
  std::uint64_t leaves = 0;         ///< Read from the store in both.
  std::uint64_t full_checks = 0;    ///< That came to their end.
  std::optional<Instant> verified;  ///< When the last full check ended, and found nothing.
};

/// Finds what was edited, cut, deleted, swapped or rolled back, in the store or in the published files. It changes
/// nothing: it never initialises anew, never repairs.
class StartCheck {
 public:
  struct Reports {
    std::function<void(const LogFinding&)> finding;   ///< Called on the background thread.
    std::function<void(const std::string&)> failure;  ///< The store or the files cannot be read; tried again later.
  };

  /// `clock` may be read from several threads.
  StartCheck(Store& store, TileStore& tiles, const HighWater& marks, const Clock& clock, const Bytes<32>& master_seed,
             StartCheckSettings settings = {});
  StartCheck(const StartCheck&) = delete;
  StartCheck& operator=(const StartCheck&) = delete;
  ~StartCheck();

  /// Every log's mark, then as many edges as the budget allows. The process may only go on when nothing is found.
  /// Before anything else writes to the store. Throws StoreFailure.
  std::vector<LogFinding> run();
  /// Hashes every leaf and file again, without a budget.
  std::vector<LogFinding> run_full();
  /// From a thread of its own: the edges that are left, then everything in full, again and again.
  void continue_in_background(Reports reports);
  void stop();
  StartCheckFigures figures() const;

 private:
  void check_marks(Reader& reader);
  void find_lost_logs(Reader& reader);
  std::optional<LogState> next_log(Reader& reader);
  void check_edges(const std::stop_token& stop, std::optional<Tick> deadline);
  void check_all(Reader& reader, const std::stop_token& stop);
  void run_in_background(const std::stop_token& stop);
  void report_background();
  void keep(std::vector<LogFinding> findings);
  std::vector<LogFinding> take_findings();

  Store& store_;
  TileStore& tiles_;
  const HighWater& marks_;
  const Clock& clock_;
  const Bytes<32> master_seed_;
  const StartCheckSettings settings_;
  Reports reports_;
  CheckProgress edge_progress_;
  CheckProgress full_progress_;

  mutable std::mutex mutex_;  // guards what follows
  std::vector<LogFinding> findings_;
  std::deque<LogState> waiting_;
  std::optional<TenantId> last_waiting_;
  bool is_end_ = false;
  std::uint64_t logs_ = 0;
  std::uint64_t full_checks_ = 0;
  std::optional<Instant> verified_;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace cadastre

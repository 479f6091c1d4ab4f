// What the server counts about requests, and the page that shows it (Prometheus text format 0.0.4).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cadastre::http {

/// Appends metrics in the text format, one family at a time.
class MetricsPage {
 public:
  /// Begins a family: `# HELP` and `# TYPE`. `type` is counter, gauge or histogram.
  MetricsPage& family(std::string_view name, std::string_view type, std::string_view help);
  /// One sample of the family begun last; `labels` are preformatted (`a="b",c="d"`) or empty.
  MetricsPage& sample(std::string_view labels, std::uint64_t value);
  MetricsPage& sample(std::string_view labels, double value);
  /// A histogram's samples from the counts of its buckets, the last of which has no bound.
  MetricsPage& histogram(std::string_view labels, const std::vector<double>& bounds,
                         const std::vector<std::uint64_t>& counts, double sum);
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::string name_;
};

/// Request counts and latencies by route and status. Each thread writes its own block; reading adds them up.
class RequestMetrics {
 public:
  /// `routes` names the rows; one more is kept for requests that no route answers. `threads` is the number of blocks.
  RequestMetrics(std::vector<std::string> routes, unsigned threads);

  void count(unsigned thread, std::size_t route, int status, std::chrono::nanoseconds took);
  void count_refusal(unsigned thread, Code code);
  /// Of a credential, by the word of TOKENS.md section 16 without what follows its colon.
  void count_credential(unsigned thread, std::string_view reason);
  void append(MetricsPage& page) const;
  /// The row for requests that no route answers.
  std::size_t unrouted() const { return routes_.size() - 1; }

 private:
  static constexpr std::size_t statuses = 24;
  static constexpr std::size_t reasons = 64;
  static constexpr std::array<double, 12> bounds_s = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                      0.01,   0.025,   0.05,   0.1,   0.5,    2.5};
  struct Cell {
    std::array<std::atomic<std::uint64_t>, bounds_s.size() + 1> by_time{};
    std::atomic<std::uint64_t> time_ns{0};
  };
  struct Block {
    std::vector<std::array<Cell, statuses>> routes;
    std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Code::internal) + 1> refusals{};
    std::array<std::atomic<std::uint64_t>, reasons> credentials{};
    explicit Block(std::size_t count) : routes(count) {}
  };
  /// The sum over all threads of the counter that `find` picks from a block.
  template <class Find>
  std::uint64_t sum(Find find) const {
    std::uint64_t total = 0;
    for (const auto& block : blocks_) total += find(*block).load(std::memory_order_relaxed);
    return total;
  }
  void append_requests(MetricsPage& page) const;
  void append_refusals(MetricsPage& page) const;
  /// Of one route and status: how many requests took how long.
  std::vector<std::uint64_t> times(std::size_t route, std::size_t status) const;

  std::vector<std::string> routes_;
  std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace cadastre::http

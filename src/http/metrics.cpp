#include "http/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "http/problem.h"

namespace cadastre::http {
namespace {

constexpr std::array known_statuses = {200, 201, 202, 204, 400, 401, 403, 404, 405, 408, 409,
                                       412, 413, 415, 422, 429, 431, 500, 501, 503, 505};

std::size_t place_of(int status) {
  return static_cast<std::size_t>(std::ranges::find(known_statuses, status) - known_statuses.begin());
}

}  // namespace

MetricsPage& MetricsPage::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  out_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  return *this;
}

MetricsPage& MetricsPage::sample(std::string_view labels, std::uint64_t value) {
  out_ += labels.empty() ? fmt::format("{} {}\n", name_, value) : fmt::format("{}{{{}}} {}\n", name_, labels, value);
  return *this;
}

MetricsPage& MetricsPage::sample(std::string_view labels, double value) {
  out_ +=
      labels.empty() ? fmt::format("{} {:g}\n", name_, value) : fmt::format("{}{{{}}} {:g}\n", name_, labels, value);
  return *this;
}

MetricsPage& MetricsPage::histogram(std::string_view labels, const std::vector<double>& bounds,
                                    const std::vector<std::uint64_t>& counts, double sum) {
  const std::string comma = labels.empty() ? "" : ",";
  const std::string braces = labels.empty() ? "" : fmt::format("{{{}}}", labels);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const std::string bound = i < bounds.size() ? fmt::format("{:g}", bounds[i]) : "+Inf";
    out_ += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name_, labels, comma, bound, total);
  }
  out_ += fmt::format("{0}_sum{1} {2:g}\n{0}_count{1} {3}\n", name_, braces, sum, total);
  return *this;
}

RequestMetrics::RequestMetrics(std::vector<std::string> routes, unsigned threads) : routes_(std::move(routes)) {
  static_assert(known_statuses.size() < statuses);
  routes_.emplace_back("none");
  for (unsigned i = 0; i < threads; ++i) blocks_.push_back(std::make_unique<Block>(routes_.size()));
}

void RequestMetrics::count(unsigned thread, std::size_t route, int status, std::chrono::nanoseconds took) {
  Row& row = blocks_[thread]->rows[route];
  row.by_status[place_of(status)].fetch_add(1, std::memory_order_relaxed);
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(bounds_s, seconds) - bounds_s.begin());
  row.by_time[bucket].fetch_add(1, std::memory_order_relaxed);
  row.time_ns.fetch_add(static_cast<std::uint64_t>(took.count()), std::memory_order_relaxed);
}

void RequestMetrics::count_refusal(unsigned thread, Code code) {
  blocks_[thread]->refusals[static_cast<std::size_t>(code)].fetch_add(1, std::memory_order_relaxed);
}

void RequestMetrics::append(MetricsPage& page) const {
  const auto sum = [this](auto&& value_in) {
    std::uint64_t total = 0;
    for (const auto& block : blocks_) total += value_in(*block).load(std::memory_order_relaxed);
    return total;
  };
  page.family("cadastre_http_requests_total", "counter", "Requests answered, by route and status.");
  for (std::size_t route = 0; route < routes_.size(); ++route) {
    for (std::size_t place = 0; place <= known_statuses.size(); ++place) {
      const auto count = sum([&](const Block& block) -> const auto& { return block.rows[route].by_status[place]; });
      const std::string status = place < known_statuses.size() ? std::to_string(known_statuses[place]) : "other";
      if (count > 0) page.sample(fmt::format("route=\"{}\",status=\"{}\"", routes_[route], status), count);
    }
  }
  page.family("cadastre_http_request_seconds", "histogram", "Time from a request's last byte to its answer, by route.");
  for (std::size_t route = 0; route < routes_.size(); ++route) {
    std::vector<std::uint64_t> counts;
    for (std::size_t i = 0; i <= bounds_s.size(); ++i) {
      counts.push_back(sum([&](const Block& block) -> const auto& { return block.rows[route].by_time[i]; }));
    }
    const auto ns = sum([&](const Block& block) -> const auto& { return block.rows[route].time_ns; });
    if (std::ranges::all_of(counts, [](std::uint64_t count) { return count == 0; })) continue;
    page.histogram(fmt::format("route=\"{}\"", routes_[route]), {bounds_s.begin(), bounds_s.end()}, counts,
                   static_cast<double>(ns) / 1e9);
  }
  page.family("cadastre_refusals_total", "counter", "Requests refused, by code.");
  for (std::size_t code = 0; code <= static_cast<std::size_t>(Code::internal); ++code) {
    const auto count = sum([&](const Block& block) -> const auto& { return block.refusals[code]; });
    if (count > 0) page.sample(fmt::format("code=\"{}\"", name_of(static_cast<Code>(code))), count);
  }
}

}  // namespace cadastre::http

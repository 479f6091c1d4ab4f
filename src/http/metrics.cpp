#include "http/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "http/problem.h"

namespace cadastre::http {
namespace {

constexpr std::array known_statuses = {200, 201, 202, 204, 400, 401, 403, 404, 405, 408, 409,
                                       412, 413, 415, 422, 429, 431, 500, 501, 503, 505};

/// TOKENS.md section 16; a reason that is none of these counts as "other".
constexpr std::array known_reasons = std::to_array<std::string_view>({"missing_credentials",
                                                                      "unsupported_scheme",
                                                                      "multiple_credentials",
                                                                      "token_too_large",
                                                                      "malformed_chain",
                                                                      "too_many_links",
                                                                      "malformed_jws",
                                                                      "bad_base64url",
                                                                      "malformed_json",
                                                                      "duplicate_member",
                                                                      "unknown_header_param",
                                                                      "bad_alg",
                                                                      "bad_typ",
                                                                      "bad_kid",
                                                                      "unknown_kid",
                                                                      "key_revoked",
                                                                      "signature_invalid",
                                                                      "claim_missing",
                                                                      "claim_type",
                                                                      "unknown_claim",
                                                                      "bad_issuer",
                                                                      "bad_audience",
                                                                      "bad_scope",
                                                                      "bad_tenant_id",
                                                                      "bad_subject",
                                                                      "issued_in_future",
                                                                      "not_yet_valid",
                                                                      "expired",
                                                                      "lifetime_too_long",
                                                                      "bad_cnf",
                                                                      "weak_key",
                                                                      "bad_caveat",
                                                                      "unknown_caveat",
                                                                      "delegation_not_allowed",
                                                                      "parent_mismatch",
                                                                      "bad_link_issuer",
                                                                      "bad_del_depth",
                                                                      "widened",
                                                                      "tenant_unknown",
                                                                      "tenant_generation",
                                                                      "device_revoked",
                                                                      "revoked",
                                                                      "revocation_state_unavailable",
                                                                      "pop_required",
                                                                      "pop_scheme",
                                                                      "pop_key_mismatch",
                                                                      "pop_signature",
                                                                      "pop_htm",
                                                                      "pop_htu",
                                                                      "pop_ath",
                                                                      "pop_stale",
                                                                      "pop_replayed",
                                                                      "enrol_nonce_unknown"});

template <class Known, class Value>
std::size_t place_of(const Known& known, const Value& value) {
  return static_cast<std::size_t>(std::ranges::find(known, value) - known.begin());
}

std::string name_of_status(std::size_t place) {
  return place < known_statuses.size() ? std::to_string(known_statuses[place]) : "other";
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
  static_assert(known_statuses.size() < statuses && known_reasons.size() < reasons);
  routes_.emplace_back("none");
  for (unsigned i = 0; i < threads; ++i) blocks_.push_back(std::make_unique<Block>(routes_.size()));
}

void RequestMetrics::count(unsigned thread, std::size_t route, int status, std::chrono::nanoseconds took) {
  Cell& cell = blocks_[thread]->routes[route][place_of(known_statuses, status)];
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(bounds_s, seconds) - bounds_s.begin());
  cell.by_time[bucket].fetch_add(1, std::memory_order_relaxed);
  cell.time_ns.fetch_add(static_cast<std::uint64_t>(took.count()), std::memory_order_relaxed);
}

void RequestMetrics::count_refusal(unsigned thread, Code code) {
  blocks_[thread]->refusals[static_cast<std::size_t>(code)].fetch_add(1, std::memory_order_relaxed);
}

void RequestMetrics::count_credential(unsigned thread, std::string_view reason) {
  const std::size_t place = place_of(known_reasons, reason.substr(0, reason.find(':')));
  blocks_[thread]->credentials[place].fetch_add(1, std::memory_order_relaxed);
}

std::vector<std::uint64_t> RequestMetrics::times(std::size_t route, std::size_t status) const {
  std::vector<std::uint64_t> counts;
  for (std::size_t i = 0; i <= bounds_s.size(); ++i) {
    counts.push_back(sum([&](const Block& block) -> const auto& { return block.routes[route][status].by_time[i]; }));
  }
  return counts;
}

void RequestMetrics::append(MetricsPage& page) const {
  append_requests(page);
  append_refusals(page);
}

void RequestMetrics::append_requests(MetricsPage& page) const {
  struct Row {
    std::string labels;
    std::vector<std::uint64_t> counts;
    double seconds;
  };
  std::vector<Row> rows;
  for (std::size_t route = 0; route < routes_.size(); ++route) {
    for (std::size_t status = 0; status <= known_statuses.size(); ++status) {
      auto counts = times(route, status);
      if (std::ranges::all_of(counts, [](std::uint64_t count) { return count == 0; })) continue;
      const auto ns = sum([&](const Block& block) -> const auto& { return block.routes[route][status].time_ns; });
      rows.push_back({fmt::format("route=\"{}\",status=\"{}\"", routes_[route], name_of_status(status)),
                      std::move(counts), static_cast<double>(ns) / 1e9});
    }
  }
  page.family("cadastre_http_requests_total", "counter", "Requests answered, by route and status.");
  for (const Row& row : rows) {
    page.sample(row.labels, std::accumulate(row.counts.begin(), row.counts.end(), std::uint64_t{0}));
  }
  page.family("cadastre_http_request_seconds", "histogram",
              "Time from a request's last byte to its answer, by route and status.");
  for (const Row& row : rows) page.histogram(row.labels, {bounds_s.begin(), bounds_s.end()}, row.counts, row.seconds);
}

void RequestMetrics::append_refusals(MetricsPage& page) const {
  page.family("cadastre_refusals_total", "counter", "Requests refused, by code.");
  for (std::size_t code = 0; code <= static_cast<std::size_t>(Code::internal); ++code) {
    const auto count = sum([&](const Block& block) -> const auto& { return block.refusals[code]; });
    if (count > 0) page.sample(fmt::format("code=\"{}\"", name_of(static_cast<Code>(code))), count);
  }
  page.family("cadastre_credentials_refused_total", "counter", "Credentials and proofs refused, by reason.");
  for (std::size_t place = 0; place <= known_reasons.size(); ++place) {
    const auto count = sum([&](const Block& block) -> const auto& { return block.credentials[place]; });
    const std::string_view reason = place < known_reasons.size() ? known_reasons[place] : "other";
    if (count > 0) page.sample(fmt::format("reason=\"{}\"", reason), count);
  }
}

}  // namespace cadastre::http

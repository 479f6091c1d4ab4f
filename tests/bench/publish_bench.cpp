// How fast the publisher follows: many logs that have all grown, and one log alone.
//
// publish_bench FOLDER [LOGS]...: makes its data below FOLDER, on the disk that is to be measured.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "crypto/sha256.h"
#include "ledger/log_key.h"
#include "service/publisher.h"
#include "store/files/high_water_file.h"
#include "store/files/tile_folder.h"
#include "store/sqlite/sqlite_store.h"

namespace cadastre {
namespace {

using Moment = std::chrono::steady_clock::time_point;
constexpr Bytes<32> master_seed{7, 7, 7};
constexpr std::uint32_t tenants_per_commit = 500;
constexpr int leaves_each = 3;

Moment now() { return std::chrono::steady_clock::now(); }
double ms_since(Moment start) { return std::chrono::duration<double, std::milli>(now() - start).count(); }

/// Processor time of the whole process in milliseconds: in its own code, and in the kernel.
struct Cpu {
  double own = 0, kernel = 0;
  static Cpu spent() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto ms = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
    };
    return {ms(usage.ru_utime), ms(usage.ru_stime)};
  }
};

TenantId tenant_id(std::uint32_t number) { return TenantId::parse(fmt::format("customer-{:06}", number)).value(); }

Tenant tenant_of(std::uint32_t number) {
  Tenant tenant{.id = tenant_id(number)};
  const std::string origin = ledger::log_origin("example.org", tenant.id);
  tenant.log_id = *exactly<16>(as_text(sha256(origin)).substr(0, 16));
  tenant.vkey = ledger::log_verifier(origin, ledger::log_key(master_seed, origin, 0)).encode();
  return tenant;
}

Event event_of(const TenantId& tenant, EventType type) {
  Event event{.type = type, .tenant = tenant};
  event.actor = {"tenant-admin", "AAAAAAAAAAAAAAAAAAAAAA", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"};
  event.request_id = "01HF7YAT00M7Y3Z8T0Q4J5K6N7";
  event.data = {{"vm_id", "01HF7YAT00M7Y3Z8T0Q4J5K6N7"}, {"ram_mb", std::int64_t{512}}, {"disk_gb", std::int64_t{8}}};
  return event;
}

class Bench {
 public:
  Bench(const std::filesystem::path& folder, std::uint32_t logs)
      : logs_(logs),
        store_(open_sqlite_store({.directory = folder / "store"})),
        tiles_((folder / "ledger").string()),
        marks_((folder / "high-water").string()),
        publisher_(*store_, tiles_, marks_, clock_, master_seed) {}

  void run() {
    in_each([](Tx& tx, std::uint32_t number, Instant at) {
      const Tenant tenant = tenant_of(number);
      tx.insert(tenant);
      tx.append(event_of(tenant.id, EventType::tenant_created), at);
    });
    publish_all("first publication, 1 leaf each");
    for (const auto* const turn : {"first time", "again"}) {
      in_each([](Tx& tx, std::uint32_t number, Instant at) {
        for (int leaf = 0; leaf < leaves_each; ++leaf)
          tx.append(event_of(tenant_id(number), EventType::vm_created), at);
      });
      publish_all(fmt::format("{} new leaves each, {}", leaves_each, turn));
    }
    for (const std::uint32_t grown : {1U, 4U, 16U, 64U, 256U}) publish_some(std::min(grown, logs_));
    publisher_.stop();
    store_->stop();
  }

 private:
  template <class Body>
  void in_each(Body body) {
    for (std::uint32_t first = 0; first < logs_; first += tenants_per_commit) {
      const Instant at = clock_.now();
      const auto done = transact(*store_, TenantId::platform(), [&](Tx& tx) -> Result<int> {
        for (std::uint32_t i = first; i < std::min(logs_, first + tenants_per_commit); ++i) body(tx, i, at);
        return 0;
      });
      if (!done) std::abort();
    }
  }

  void publish() {
    for (const LogFinding& finding : publisher_.publish_round()) fmt::print("{}\n", describe(finding));
  }

  void publish_all(const std::string& name) {
    const Cpu before = Cpu::spent();
    const Moment start = now();
    publish();
    const double ms = ms_since(start);
    const Cpu after = Cpu::spent();
    fmt::print("{:>6} logs, {}: {:>6.0f} logs/s, {:.1f} s, CPU of a log {:.0f} us own and {:.0f} us kernel\n", logs_,
               name, logs_ / ms * 1e3, ms / 1e3, (after.own - before.own) * 1e3 / logs_,
               (after.kernel - before.kernel) * 1e3 / logs_);
    std::fflush(stdout);
  }

  /// Rounds in which a few of the logs have grown, each from commit to published.
  void publish_some(std::uint32_t grown) {
    std::vector<double> times;
    for (int round = 0; round < 40; ++round) {
      const auto done = transact(*store_, TenantId::platform(), [&](Tx& tx) -> Result<int> {
        for (std::uint32_t i = 0; i < grown; ++i)
          tx.append(event_of(tenant_id(i), EventType::vm_created), clock_.now());
        return 0;
      });
      if (!done) std::abort();
      const Moment start = now();
      publish();
      times.push_back(ms_since(start));
    }
    std::ranges::sort(times);
    fmt::print("{:>6} logs with 1 new leaf each: {:.1f} ms, fastest {:.1f}, p90 {:.1f}\n", grown,
               times[times.size() / 2], times.front(), times[times.size() * 9 / 10]);
    std::fflush(stdout);
  }

  const std::uint32_t logs_;
  const SystemClock clock_;
  std::unique_ptr<Store> store_;
  TileFolder tiles_;
  HighWaterFile marks_;
  Publisher publisher_;
};

}  // namespace
}  // namespace cadastre

int main(int count, char** arguments) {
  if (count < 2) {
    fmt::print(stderr, "usage: publish_bench FOLDER [LOGS]...\n");
    return 2;
  }
  const std::filesystem::path folder = arguments[1];
  std::vector<std::string> sizes(arguments + 2, arguments + count);
  if (sizes.empty()) sizes = {"20000"};
  for (const std::string& size : sizes) {
    const auto place = folder / size;
    std::filesystem::remove_all(place);
    cadastre::Bench(place, static_cast<std::uint32_t>(std::stoul(size))).run();
  }
  return 0;
}

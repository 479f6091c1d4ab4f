// How fast an engine of the store is, alone: creates by how many tenants share them, reads of a page, start and memory.
//
// store_bench PLACE [create|spread|size|read]...: PLACE is a folder on the disk that is to be measured, below which the
// data are made, or the postgresql:// URL of an empty database, where `size` is not measured.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <semaphore>
#include <thread>

#include "base/random.h"
#include "store/open_store.h"

namespace cadastre {
namespace {

using Stopwatch = std::chrono::steady_clock::time_point;
constexpr std::ptrdiff_t in_flight = 64;
constexpr std::uint32_t tenants_many = 100'000;
constexpr int vms_each = 10;

Stopwatch now() { return std::chrono::steady_clock::now(); }
double us_since(Stopwatch start) { return std::chrono::duration<double, std::micro>(now() - start).count(); }

/// Processor time of the whole process in microseconds.
double cpu_us() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

/// Resident memory in MiB.
double rss_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmRSS:") continue;
    double kib = 0;
    status >> kib;
    return kib / 1024;
  }
  return 0;
}

TenantId tenant_id(std::uint32_t number) { return TenantId::parse(fmt::format("customer-{:06}", number)).value(); }

Tenant tenant_of(std::uint32_t number, Random& random) {
  Tenant tenant{.id = tenant_id(number), .display_name = fmt::format("Customer number {}", number)};
  tenant.quota = {VmCount{limit_max}, Gigabytes{limit_max}, {}, {}, RequestsPerMinute{600}};
  random.fill(tenant.log_id);
  tenant.vkey =
      fmt::format("cadastre.example/ledger/{}+1234abcd+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh", tenant.id.text());
  tenant.created_by = "AAAAAAAAAAAAAAAAAAAAAA";
  return tenant;
}

Vm vm_of(const TenantId& tenant, Random& random, Instant at) {
  Vm vm{.id = VmId::draw(random, at), .tenant = tenant};
  vm.vm_type = "VmTotebox";
  vm.ram = Mebibytes{512};
  vm.vcpus = VcpuCount{1};
  vm.disk = Gigabytes{8};
  vm.created_at = at;
  return vm;
}

Event event_of(const TenantId& tenant, EventType type, const Vm* vm) {
  Event event{.type = type, .tenant = tenant};
  event.actor = {"tenant-admin", "AAAAAAAAAAAAAAAAAAAAAA", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"};
  event.request_id = "01HF7YAT00M7Y3Z8T0Q4J5K6N7";
  if (vm != nullptr) {
    event.data = {{"vm_id", vm->id.text()},
                  {"vm_type", vm->vm_type},
                  {"ram_mb", vm->ram.value},
                  {"vcpu_count", vm->vcpus.value},
                  {"disk_gb", vm->disk.value}};
  }
  return event;
}

/// Load, decide, record, as the use case does.
Verdict create(Tx& tx, const TenantId& id, Random& random, Instant at) {
  auto tenant = tx.tenant(id).value();
  const Vm vm = vm_of(id, random, at);
  if (!admit_vm(tenant.quota, tenant.used, vm.charge())) return Verdict::drop;
  tenant.used = with_vm(tenant.used, vm.charge());
  tx.insert(vm);
  tx.update(tenant);
  tx.append(event_of(id, EventType::vm_created, &vm), at);
  return Verdict::commit;
}

/// Keeps `limit` changes under way until `count` were made, and waits for the last.
class Driver {
 public:
  Driver(Store& store, std::ptrdiff_t limit) : store_(store), limit_(limit), free_(limit) {}

  template <class Make>
  void run(std::uint32_t count, Make make) {
    latencies_.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      free_.acquire();
      auto [tenant, body] = make(i);
      const auto done = [this, i, start = now()](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
        latencies_[i] = us_since(start);
        free_.release();
      };
      if (!store_.submit({.tenant = tenant, .body = std::move(body), .done = done})) std::abort();
    }
    for (std::ptrdiff_t i = 0; i < limit_; ++i) free_.acquire();
    free_.release(limit_);
    std::ranges::sort(latencies_);
  }
  double latency_ms(double share) const {
    return latencies_[static_cast<std::size_t>(share * static_cast<double>(latencies_.size() - 1))] / 1000;
  }

 private:
  Store& store_;
  std::ptrdiff_t limit_;
  std::counting_semaphore<4096> free_;
  std::vector<double> latencies_;
};

void register_tenants(Store& store, std::uint32_t count, int vms) {
  Driver driver(store, 512);
  SystemRandom random;
  const Instant at = SystemClock().now();
  driver.run(count, [&](std::uint32_t i) {
    return std::pair(tenant_id(i), std::function([&random, i, vms, at](Tx& tx) {
                       const Tenant tenant = tenant_of(i, random);
                       tx.insert(tenant);
                       tx.append(event_of(tenant.id, EventType::tenant_created, nullptr), at);
                       for (int vm = 0; vm < vms; ++vm) create(tx, tenant.id, random, at);
                       return Verdict::commit;
                     }));
  });
}

void report_creates(Store& store, std::uint32_t tenants, std::uint32_t count, std::ptrdiff_t limit) {
  SystemRandom random;
  SeededRandom choice(1);
  Driver driver(store, limit);
  const StoreFigures before = store.figures();
  const double cpu = cpu_us();
  const Stopwatch start = now();
  driver.run(count, [&](std::uint32_t) {
    const TenantId tenant = tenant_id(static_cast<std::uint32_t>(choice.below(tenants)));
    return std::pair(
        tenant, std::function([&random, tenant](Tx& tx) { return create(tx, tenant, random, SystemClock().now()); }));
  });
  const double us = us_since(start);
  const StoreFigures after = store.figures();
  const auto groups = static_cast<double>(after.groups - before.groups);
  fmt::print(
      "create: {:>6} tenants, {:>3} in flight: {:>6.0f}/s, {:.1f} us CPU, groups of {:.1f}, commit {:.0f} us, "
      "p50 {:.2f} ms p99 {:.2f} ms max {:.1f} ms\n",
      tenants, limit, count / us * 1e6, (cpu_us() - cpu) / count, count / groups,
      static_cast<double>(after.commit_ns - before.commit_ns) / 1e3 / groups, driver.latency_ms(0.5),
      driver.latency_ms(0.99), driver.latency_ms(1));
  std::fflush(stdout);
}

/// The store for one part of the bench; all parts share a database.
std::unique_ptr<Store> open_part(const std::string& place, const char* part) {
  return open_store(place.contains("://") ? place : store_in_folder(place + "/" + part));
}

void bench_creates(const std::string& place, const std::vector<std::uint32_t>& tenant_counts) {
  const auto store = open_part(place, "creates");
  if (!store->open_reader()->tenant(tenant_id(0))) register_tenants(*store, tenants_many, 0);
  for (int round = 0; round < 3; ++round) {
    for (const std::uint32_t tenants : tenant_counts) report_creates(*store, tenants, 30'000, in_flight);
  }
  for (const std::uint32_t tenants : tenant_counts) report_creates(*store, tenants, 500, 1);
}

/// Reads pages of ten VMs for a second; answers the microseconds that one took.
double read_pages(Store& store, std::uint32_t tenants) {
  const auto reader = store.open_reader();
  SeededRandom choice(2);
  std::size_t rows = 0;
  std::uint64_t pages = 0;
  const Stopwatch start = now();
  for (; us_since(start) < 1e6; ++pages) {
    VmQuery query;
    query.limit = vms_each;
    rows += reader->vms(tenant_id(static_cast<std::uint32_t>(choice.below(tenants))), query).size();
  }
  if (rows != pages * vms_each) fmt::print("only {} rows in {} pages\n", rows, pages);
  return us_since(start) / static_cast<double>(pages);
}

void bench_reads(const std::string& place) {
  const auto store = open_part(place, "size");
  if (!store->open_reader()->tenant(tenant_id(0))) register_tenants(*store, tenants_many, vms_each);
  for (int round = 0; round < 2; ++round) {
    for (const std::uint32_t tenants : {1U, 1000U, tenants_many}) {
      fmt::print("read: page of {} VMs, of {:>6} tenants: {:.2f} us\n", vms_each, tenants, read_pages(*store, tenants));
    }
  }
}

void bench_size(const std::string& place) {
  {
    const Stopwatch start = now();
    const auto store = open_part(place, "size");
    if (!store->open_reader()->tenant(tenant_id(0))) {
      register_tenants(*store, tenants_many, vms_each);
      fmt::print("size: {} tenants with {} VMs each written in {:.1f} s, {:.0f} MiB resident\n", tenants_many, vms_each,
                 us_since(start) / 1e6, rss_mib());
    }
  }
  const Stopwatch start = now();
  const auto store = open_part(place, "size");
  const auto reader = store->open_reader();
  fmt::print("size: opened in {:.2f} s, {:.0f} MiB resident, {:.0f} MiB on disk\n", us_since(start) / 1e6, rss_mib(),
             static_cast<double>(std::filesystem::file_size(place + "/size/cadastre.db")) / 1048576);
  report_creates(*store, tenants_many, 100'000, in_flight);
  for (std::uint32_t i = 0; i < tenants_many; ++i) reader->vms(tenant_id(i), {});
  fmt::print("size: after creates and a page of every tenant {:.0f} MiB resident\n", rss_mib());
}

}  // namespace
}  // namespace cadastre

int main(int count, char** arguments) {
  if (count < 2) {
    fmt::print(stderr, "usage: store_bench PLACE [create|spread|size|read]...\n");
    return 2;
  }
  const std::string place = arguments[1];
  std::vector<std::string> parts(arguments + 2, arguments + count);
  if (parts.empty()) parts = {"create", "size", "read"};
  for (const std::string& part : parts) {
    if (part == "create") cadastre::bench_creates(place, {1, 1'000, cadastre::tenants_many});
    if (part == "spread") cadastre::bench_creates(place, {cadastre::tenants_many});
    if (part == "size") cadastre::bench_size(place);
    if (part == "read") cadastre::bench_reads(place);
  }
  return 0;
}

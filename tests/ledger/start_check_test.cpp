#include "service/start_check.h"

#include <doctest/doctest.h>

#include <future>

#include "tests/ledger/world.h"

namespace cadastre {
namespace {

TenantId tenant_number(int number) { return TenantId::parse("tenant-" + std::to_string(number)).value(); }

/// Twenty published logs.
struct ManyLogs {
  ManyLogs() : process(folder) {
    for (int number = 0; number < 20; ++number) process.add_tenant(tenant_number(number));
    process.publish();
  }
  TestFolder folder;
  Process process;
};

TEST_CASE("the edges that the budget leaves over are checked in the background, then everything") {
  ManyLogs logs;
  StartCheck check(*logs.process.store, logs.process.tiles, *logs.process.marks, logs.process.clock, master_seed,
                   {.budget = std::chrono::milliseconds(0), .repeat = std::chrono::milliseconds(1)});
  CHECK(check.run().empty());
  CHECK(check.figures().logs == 20);
  CHECK(check.figures().logs_at_edge == 0);
  CHECK(!check.figures().verified);
  check.continue_in_background({.finding = [](const LogFinding& finding) { FAIL_CHECK(describe(finding)); },
                                .failure = [](const std::string& what) { FAIL_CHECK(what); }});
  while (check.figures().full_checks < 2) std::this_thread::yield();
  check.stop();
  CHECK(check.figures().logs_at_edge == 20);
  CHECK(check.figures().leaves > 20);
  CHECK(check.figures().verified == logs.process.clock.now());
}

TEST_CASE("what only the background finds is reported") {
  ManyLogs logs;
  const TenantId tampered = tenant_number(7);
  write_bytes(logs.folder / (folder_of(tampered) + "/history/1"), "forged");
  StartCheck check(*logs.process.store, logs.process.tiles, *logs.process.marks, logs.process.clock, master_seed);
  CHECK(check.run().empty());
  CHECK(check.figures().logs_at_edge == 20);
  std::promise<LogFinding> reported;
  check.continue_in_background({.finding = [&](const LogFinding& finding) { reported.set_value(finding); },
                                .failure = [](const std::string& what) { FAIL_CHECK(what); }});
  CHECK(reported.get_future().get().tenant == tampered);
  check.stop();
  CHECK(!check.figures().verified);
}

TEST_CASE("files that cannot be read are a failure, not a finding") {
  ManyLogs logs;
  std::filesystem::remove(logs.folder / (folder_of(tenant_number(3)) + "/checkpoint"));
  std::filesystem::create_directory(logs.folder / (folder_of(tenant_number(3)) + "/checkpoint"));
  StartCheck check(*logs.process.store, logs.process.tiles, *logs.process.marks, logs.process.clock, master_seed);
  CHECK_THROWS_AS((void)check.run(), StoreFailure);
  std::promise<std::string> reported;
  check.continue_in_background({.finding = [](const LogFinding& finding) { FAIL_CHECK(describe(finding)); },
                                .failure = [&](const std::string& what) { reported.set_value(what); }});
  CHECK(reported.get_future().get().find("checkpoint") != std::string::npos);
}

/// Reads as a moment ago: before it answers that there is no checkpoint yet, one is published.
class OvertakenTiles final : public TileStore {
 public:
  OvertakenTiles(TileStore& tiles, std::function<void()> overtake) : tiles_(tiles), overtake_(std::move(overtake)) {}
  std::optional<std::string> read(const TenantId& tenant, const LogId& log, std::string_view path) override {
    auto bytes = tiles_.read(tenant, log, path);
    if (!bytes && path == "checkpoint") overtake_();
    return bytes;
  }
  FileFailures create(std::span<const PublishedFile> files) override { return tiles_.create(files); }
  FileFailures replace(std::span<const PublishedFile> files) override { return tiles_.replace(files); }
  void remove(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    tiles_.remove(tenant, log, folder);
  }
  std::vector<std::string> list(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    return tiles_.list(tenant, log, folder);
  }

 private:
  TileStore& tiles_;
  const std::function<void()> overtake_;
};

TEST_CASE("a log whose first publication comes to its end while it is checked is sound") {
  const TestFolder folder;
  Process process(folder);
  process.add_tenant(acme);
  OvertakenTiles tiles(process.tiles, [&] { CHECK(process.publish().empty()); });
  StartCheck check(*process.store, tiles, *process.marks, process.clock, master_seed);
  const auto found = check.run_full();
  INFO(text_of(found));
  CHECK(found.empty());
  CHECK(process.tiles.read(acme, log_of(acme), "checkpoint"));
}

TEST_CASE("a log that grows and is published while it is checked is sound") {
  const TestFolder folder;
  Process process(folder);
  process.add_tenant(acme);
  process.append(acme, 250);
  const SystemClock clock;
  Publisher publisher(*process.store, process.tiles, *process.marks, clock, master_seed,
                      {.interval = std::chrono::milliseconds(1), .grace = std::chrono::milliseconds(1)});
  publisher.start({.finding = [](const LogFinding& finding) { FAIL_CHECK(describe(finding)); },
                   .failure = [](const std::string& what) { FAIL_CHECK(what); }});
  StartCheck check(*process.store, process.tiles, *process.marks, clock, master_seed,
                   {.repeat = std::chrono::milliseconds(1)});
  const auto at_start = check.run();
  INFO(text_of(at_start));
  CHECK(at_start.empty());
  check.continue_in_background({.finding = [](const LogFinding& finding) { FAIL_CHECK(describe(finding)); },
                                .failure = [](const std::string& what) { FAIL_CHECK(what); }});
  for (int change = 0; change < 60; ++change) process.append(acme, 9);
  while (check.figures().full_checks < 3) std::this_thread::yield();
  check.stop();
  publisher.stop();
  CHECK(check.figures().verified);
}

}  // namespace
}  // namespace cadastre

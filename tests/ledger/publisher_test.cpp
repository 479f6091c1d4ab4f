#include "service/publisher.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "tests/ledger/world.h"

namespace cadastre {
namespace {

std::set<std::string> names_below(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& [name, bytes] : files_below(folder)) names.insert(name);
  return names;
}

void require_sound(Process& process) {
  const auto findings = process.check_full();
  INFO(text_of(findings));
  REQUIRE(findings.empty());
}

TEST_CASE("a round publishes what LEDGER.md section 3 lists, for every log") {
  const TestFolder folder;
  Process process(folder);
  process.add_tenant(TenantId::platform());
  process.add_tenant(acme);
  process.append(acme, 299);
  CHECK(process.publish().empty());
  CHECK(names_below(folder / folder_of(acme)) == std::set<std::string>{"checkpoint", "history/300", "tile/0/000",
                                                                       "tile/0/001.p/44", "tile/1/000.p/1",
                                                                       "tile/entries/000", "tile/entries/001.p/44"});
  CHECK(names_below(folder / "ledger/platform") ==
        std::set<std::string>{"checkpoint", "history/1", "tile/0/000.p/1", "tile/entries/000.p/1"});
  const auto stored = process.store->open_reader()->checkpoint(acme);
  REQUIRE(stored);
  CHECK(stored->size == 300);
  CHECK(stored->note == bytes_of(folder / (folder_of(acme) + "/checkpoint")));
  CHECK(stored->note.starts_with("example.org/ledger/acme-corp\n300\n"));
  CHECK(process.marks->find(log_of(acme))->size == 300);
  CHECK(process.marks->find(log_of(acme))->root == stored->root);
  CHECK(process.marks->find(log_of(acme))->is_settled);
  require_sound(process);
}

TEST_CASE("a log grows by any steps to the same tiles") {
  const TestFolder folder;
  Process process(folder);
  process.add_tenant(acme);
  std::uint64_t size = 1;
  for (const std::size_t step : {1U, 3U, 250U, 1U, 1U, 255U, 256U, 512U, 5000U, 7U}) {
    CAPTURE(size);
    process.append(acme, step);
    size += step;
    REQUIRE(process.publish().empty());
    CHECK(process.store->open_reader()->checkpoint(acme)->size == size);
    const auto findings = process.check();
    INFO(text_of(findings));
    REQUIRE(findings.empty());
  }
  require_sound(process);
  CHECK(process.store->open_reader()->unpublished_logs(10).empty());
}

TEST_CASE("partial tiles go a grace period after their full ones came") {
  const TestFolder folder;
  Process process(folder);
  process.add_tenant(acme);
  Publisher publisher(*process.store, process.tiles, *process.marks, process.clock, master_seed,
                      {.grace = std::chrono::minutes(10)});
  for (const std::size_t step : {1U, 1U, 300U}) {
    process.append(acme, step);
    publisher.publish_round();
  }
  const std::string partial = folder / (folder_of(acme) + "/tile/entries/000.p");
  process.clock.advance(std::chrono::minutes(10) - std::chrono::milliseconds(1));
  publisher.publish_round();
  CHECK(names_below(partial) == std::set<std::string>{"2", "3"});
  process.clock.advance(std::chrono::milliseconds(1));
  publisher.publish_round();
  CHECK(!std::filesystem::exists(partial));
  CHECK(!std::filesystem::exists(folder / (folder_of(acme) + "/tile/0/000.p")));
  CHECK(std::filesystem::exists(folder / (folder_of(acme) + "/tile/0/001.p/47")));
  require_sound(process);
}

/// Counts the steps that change something, and stops at one of them, before or after it is done, for good.
class Steps {
 public:
  enum class At { before, after };
  Steps(std::size_t number, At at) : left_(number), at_(at) {}
  template <class Action>
  void take(Action action) {
    if (is_dead_) throw StoreFailure("the process was stopped");
    is_dead_ = --left_ == 0;
    if (!is_dead_ || at_ == At::after) action();
    if (is_dead_) throw StoreFailure("the process was stopped");
  }
  bool is_dead() const { return is_dead_; }

 private:
  std::size_t left_;
  At at_;
  bool is_dead_ = false;
};

/// Writes the files of a batch one after the other, from its first or from its last on, each as a step of its own: any
/// part of a batch may be on the disk when a process stops.
class StoppingTiles final : public TileStore {
 public:
  StoppingTiles(TileStore& tiles, Steps& steps, Order order) : tiles_(tiles), steps_(steps), order_(order) {}
  std::optional<std::string> read(const TenantId& tenant, const LogId& log, std::string_view path) override {
    return tiles_.read(tenant, log, path);
  }
  FileFailures create(std::span<const PublishedFile> files) override {
    return write_each(files, [this](auto file) { return tiles_.create(file); });
  }
  FileFailures replace(std::span<const PublishedFile> files) override {
    return write_each(files, [this](auto file) { return tiles_.replace(file); });
  }
  void remove(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    steps_.take([&] { tiles_.remove(tenant, log, folder); });
  }
  std::vector<std::string> list(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    return tiles_.list(tenant, log, folder);
  }

 private:
  template <class Write>
  FileFailures write_each(std::span<const PublishedFile> files, Write write) {
    FileFailures failures(files.size());
    for (std::size_t turn = 0; turn < files.size(); ++turn) {
      const std::size_t file = order_ == Order::ascending ? turn : files.size() - 1 - turn;
      try {
        steps_.take([&] { REQUIRE(!write(files.subspan(file, 1)).front()); });
      } catch (const StoreFailure&) {
        failures[file] = std::current_exception();
      }
    }
    return failures;
  }

  TileStore& tiles_;
  Steps& steps_;
  const Order order_;
};

class StoppingMarks final : public HighWater {
 public:
  StoppingMarks(HighWater& marks, Steps& steps) : marks_(marks), steps_(steps) {}
  bool is_missing() const override { return marks_.is_missing(); }
  std::size_t count() const override { return marks_.count(); }
  std::optional<WaterMark> find(const LogId& log) const override { return marks_.find(log); }
  std::vector<WaterMark> marks() const override { return marks_.marks(); }
  void raise(std::span<const WaterMark> marks) override {
    steps_.take([&] { marks_.raise(marks); });
  }
  void settle(std::span<const WaterMark> marks) override {
    steps_.take([&] { marks_.settle(marks); });
  }

 private:
  HighWater& marks_;
  Steps& steps_;
};

class StoppingStore final : public Store {
 public:
  StoppingStore(Store& store, Steps& steps) : store_(store), steps_(steps) {}
  std::unique_ptr<Reader> open_reader() override { return store_.open_reader(); }
  bool submit(Change change) override {
    steps_.take([&] { detail::run_and_wait(store_, change.tenant, change.body); });
    change.done(nullptr);
    return true;
  }
  void subscribe(ChangeFeed& feed) override { store_.subscribe(feed); }
  bool feed_is_exact() const override { return store_.feed_is_exact(); }
  std::chrono::milliseconds feed_age() const override { return store_.feed_age(); }
  StoreFigures figures() const override { return store_.figures(); }
  void stop() override { store_.stop(); }

 private:
  Store& store_;
  Steps& steps_;
};

/// One round that stops at a step; false when the round has fewer.
bool round_stops(Process& process, std::size_t step, Steps::At at, Order order) {
  Steps steps(step, at);
  StoppingStore store(*process.store, steps);
  StoppingTiles tiles(process.tiles, steps, order);
  StoppingMarks marks(*process.marks, steps);
  Publisher publisher(store, tiles, marks, process.clock, master_seed);
  if (!steps.is_dead()) {
    try {
      publisher.publish_round();
    } catch (const StoreFailure&) {
      REQUIRE(steps.is_dead());
    }
  }
  return steps.is_dead();
}

TEST_CASE("a round that was stopped at any step is completed by the next, to the same files") {
  struct Row {
    std::string_view name;
    std::size_t published, added;
  };
  for (const auto& row :
       {Row{"the first publication", 0, 2}, Row{"one more leaf", 3, 1}, Row{"across a tile", 250, 300}}) {
    CAPTURE(row.name);
    const TestFolder base;
    {
      Process process(base);
      process.add_tenant(acme);
      process.add_tenant(bolt);
      if (row.published != 0) {
        process.append(acme, row.published);
        process.publish();
      }
      process.append(acme, row.added);
      process.append(bolt, 1);
    }
    const TestFolder untouched;
    copy_deployment(base, untouched);
    Process(untouched).publish();
    const auto wanted = files_below(untouched / "ledger");
    for (const auto& [at, order] :
         {std::pair(Steps::At::before, Order::ascending), std::pair(Steps::At::after, Order::ascending),
          std::pair(Steps::At::before, Order::descending)}) {
      bool stopped = true;
      for (std::size_t step = 1; stopped; ++step) {
        CAPTURE(step);
        const TestFolder folder;
        copy_deployment(base, folder);
        Process process(folder);
        stopped = round_stops(process, step, at, order);
        process.marks.emplace(folder / "high-water");
        const auto at_start = process.check();
        INFO(text_of(at_start));
        REQUIRE(at_start.empty());
        REQUIRE(process.publish().empty());
        CHECK(files_below(folder / "ledger") == wanted);
        CHECK(process.marks->find(log_of(acme))->is_settled);
        require_sound(process);
        REQUIRE(step < 100);
      }
    }
  }
}

TEST_CASE("nothing is signed over a contradiction, and the other logs go on") {
  struct Row {
    std::string_view name, file;
    std::uint64_t seq;
  };
  for (const auto& row :
       {Row{"a hash tile was changed", "tile/0/000.p/3", 2}, Row{"a bundle was changed", "tile/entries/000.p/3", 0},
        Row{"the checkpoint was changed", "checkpoint", 0},
        Row{"a file is there already", "tile/entries/000.p/5", 0}}) {
    CAPTURE(row.name);
    const TestFolder folder;
    Process process(folder);
    process.add_tenant(acme);
    process.add_tenant(bolt);
    process.append(acme, 2);
    process.publish();
    const std::string path = folder / (folder_of(acme) + "/" + std::string(row.file));
    std::string bytes = std::filesystem::exists(path) ? bytes_of(path) : "xyz";
    bytes.back() ^= 1;
    write_bytes(path, bytes);
    process.append(acme, 2);
    process.append(bolt, 2);
    const auto findings = process.publish();
    INFO(text_of(findings));
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].tenant == acme);
    CHECK(process.store->open_reader()->checkpoint(acme)->size == 3);
    CHECK(process.store->open_reader()->checkpoint(bolt)->size == 3);
  }
}

TEST_CASE("a log with a finding is reported once and frozen") {
  const TestFolder folder;
  Process process(folder);
  process.add_tenant(acme);
  process.publish();
  std::filesystem::remove(folder / (folder_of(acme) + "/tile/0/000.p/1"));
  process.append(acme, 1);
  Publisher publisher(*process.store, process.tiles, *process.marks, process.clock, master_seed);
  CHECK(publisher.publish_round().size() == 1);
  CHECK(publisher.publish_round().empty());
  CHECK(publisher.figures().frozen_logs == 1);
  process.clock.advance(std::chrono::seconds(3));
  publisher.publish_round();
  CHECK(publisher.figures().lag >= std::chrono::seconds(0));
}

TEST_CASE("a log of another deployment's key is not signed") {
  const TestFolder folder;
  Process process(folder);
  process.add_tenant(acme);
  const auto findings =
      Publisher(*process.store, process.tiles, *process.marks, process.clock, Bytes<32>{1}).publish_round();
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].what.find("verifier key") != std::string::npos);
  CHECK(files_below(folder / "ledger").empty());
}

TEST_CASE("files that cannot be written fail the round, are counted, and are written when they can be") {
  const TestFolder folder;
  Process process(folder);
  process.add_tenant(acme);
  process.add_tenant(bolt);
  write_bytes(folder / (folder_of(acme) + "/tile"), "in the way");
  Publisher publisher(*process.store, process.tiles, *process.marks, process.clock, master_seed);
  process.clock.advance(std::chrono::seconds(5));
  CHECK_THROWS_AS(publisher.publish_round(), StoreFailure);
  CHECK(process.store->open_reader()->checkpoint(bolt)->size == 1);  // nobody waits for a stranger
  CHECK(!process.store->open_reader()->checkpoint(acme));
  CHECK(publisher.figures().failed_rounds == 1);
  CHECK(publisher.figures().lag == std::chrono::seconds(5));
  std::filesystem::remove(folder / (folder_of(acme) + "/tile"));
  CHECK(publisher.publish_round().empty());
  CHECK(publisher.figures().checkpoints == 2);
  CHECK(publisher.figures().leaves == 2);
  CHECK(publisher.figures().lag == std::chrono::seconds(0));
  require_sound(process);
}

bool is_published_within(std::chrono::milliseconds patience, Reader& reader, std::uint64_t size) {
  const SystemClock clock;
  for (const Tick give_up = clock.tick() + patience; clock.tick() < give_up; rest_for(std::chrono::milliseconds(1))) {
    const auto checkpoint = reader.checkpoint(acme);
    if (checkpoint && checkpoint->size >= size) return true;
  }
  return false;
}

TEST_CASE("the publisher's thread follows the store, and leaves nothing when it stops") {
  const TestFolder folder;
  Process process(folder);
  const SystemClock clock;
  process.add_tenant(acme);
  Publisher publisher(*process.store, process.tiles, *process.marks, clock, master_seed,
                      {.interval = std::chrono::milliseconds(20)});
  std::vector<std::string> reports;
  publisher.start({.finding = [&](const LogFinding& finding) { reports.push_back(describe(finding)); },
                   .failure = [&](const std::string& what) { reports.push_back(what); }});
  const auto reader = process.store->open_reader();
  for (std::uint64_t size = 2; size < 10; ++size) {
    process.append(acme, 1);
    REQUIRE(is_published_within(std::chrono::seconds(30), *reader, size));
  }
  process.append(acme, 300);
  CHECK(publisher.stop());
  CHECK(reader->checkpoint(acme)->size == 309);
  CHECK(!std::filesystem::exists(folder / (folder_of(acme) + "/tile/0/000.p")));
  CHECK(reports == std::vector<std::string>{});
  require_sound(process);
}

TEST_CASE("publishing has stalled when nothing gets published, not when it is only late") {
  const TestFolder folder;
  Process process(folder);
  process.add_tenant(acme);
  process.add_tenant(bolt);
  const std::string in_the_way = folder / (folder_of(acme) + "/tile");
  write_bytes(in_the_way, "in the way");
  Publisher publisher(*process.store, process.tiles, *process.marks, process.clock, master_seed);
  const auto fail = [&] {
    CHECK_THROWS_AS(publisher.publish_round(), StoreFailure);
    process.clock.advance(std::chrono::seconds(5));
    return publisher.figures();
  };
  for (int round = 0; round < 4; ++round) {  // the other log grows and is published
    const auto figures = fail();
    CHECK(figures.lag == std::chrono::seconds(5 * (round + 1)));
    CHECK(figures.stalled == std::chrono::seconds(5));
    process.append(bolt, 1);
  }
  fail();
  CHECK(fail().stalled == std::chrono::seconds(10));
  CHECK(fail().stalled == std::chrono::seconds(15));
  std::filesystem::remove(in_the_way);
  publisher.publish_round();
  CHECK(publisher.figures().stalled == std::chrono::seconds(0));
  process.clock.advance(std::chrono::hours(1));
  CHECK(publisher.figures().stalled == std::chrono::seconds(0));
}

/// Tells what it is about to write.
class WatchedTiles final : public TileStore {
 public:
  WatchedTiles(TileStore& tiles, std::function<void()> before_create) : tiles_(tiles), before_create_(before_create) {}
  std::optional<std::string> read(const TenantId& tenant, const LogId& log, std::string_view path) override {
    return tiles_.read(tenant, log, path);
  }
  FileFailures create(std::span<const PublishedFile> files) override {
    before_create_();
    return tiles_.create(files);
  }
  FileFailures replace(std::span<const PublishedFile> files) override { return tiles_.replace(files); }
  void remove(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    tiles_.remove(tenant, log, folder);
  }
  std::vector<std::string> list(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    return tiles_.list(tenant, log, folder);
  }

 private:
  TileStore& tiles_;
  const std::function<void()> before_create_;
};

void add_tenants(Process& process, int count) {
  for (int i = 0; i < count; ++i) process.add_tenant(TenantId::parse("customer-" + std::to_string(i)).value());
}

TEST_CASE("a stop begins no further wave after its patience, and the next start does the rest") {
  const TestFolder folder;
  Process process(folder);
  add_tenants(process, 10);
  const auto reader = process.store->open_reader();
  const auto half_a_second = [&] { process.clock.advance(std::chrono::milliseconds(500)); };
  WatchedTiles slow(process.tiles, half_a_second);  // called twice a wave: tiles, history
  const PublisherSettings settings{.logs_per_wave = 2, .stop_patience = std::chrono::milliseconds(2500)};
  CHECK(!Publisher(*process.store, slow, *process.marks, process.clock, master_seed, settings).stop());
  CHECK(reader->unpublished_logs(10).size() == 4);
  CHECK(process.check().empty());
  CHECK(Publisher(*process.store, slow, *process.marks, process.clock, master_seed, settings).stop());
  CHECK(reader->unpublished_logs(10).empty());
  require_sound(process);
}

TEST_CASE("a stop in the middle of a long round waits for the wave in progress alone") {
  const TestFolder folder;
  Process process(folder);
  const SystemClock clock;
  add_tenants(process, 50);
  std::promise<void> is_in_wave, may_go_on;
  std::once_flag first;
  WatchedTiles tiles(process.tiles, [&] {
    std::call_once(first, [&] {
      is_in_wave.set_value();
      may_go_on.get_future().wait();
    });
  });
  Publisher publisher(*process.store, tiles, *process.marks, clock, master_seed,
                      {.logs_per_wave = 1, .stop_patience = std::chrono::milliseconds(0)});
  publisher.start({});
  is_in_wave.get_future().wait();
  may_go_on.set_value();
  const bool is_all = publisher.stop();
  const std::size_t left = process.store->open_reader()->unpublished_logs(50).size();
  CHECK(left < 50);
  CHECK(is_all == (left == 0));
  CHECK(process.check().empty());
  CHECK(process.publish().empty());
  CHECK(process.store->open_reader()->unpublished_logs(50).empty());
  require_sound(process);
}

}  // namespace
}  // namespace cadastre

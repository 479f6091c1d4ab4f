// What the SQLite engine does on its way to the disk: the write-ahead log, its copying into the file, a full disk.
#include <sys/resource.h>

#include <csignal>
#include <future>

#include "base/test_folder.h"
#include "store/contract_test.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/sqlite_store.h"

namespace cadastre {
namespace {

using sqlite::Checkpointer;
using sqlite::Connection;

const TenantId acme = id_of("acme");

std::unique_ptr<Store> open_in(const TestFolder& folder, int checkpoint_frames) {
  return open_sqlite_store({.directory = folder / "data", .checkpoint_frames = checkpoint_frames});
}

/// An unlimited tenant.
void register_large(Store& store) {
  register_tenant(store, "acme");
  change(store, acme, [](Tx& tx) {
    auto tenant = tx.tenant(acme).value();
    tenant.quota.max_vms = VmCount{1'000'000};
    tx.update(tenant);
  });
}

void create_vms(Store& store, std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    change(store, acme, [&](Tx& tx) { create_vm(tx, acme, first + i); });
  }
}

/// No file that this process writes can grow beyond `bytes`, while this object lives.
class SmallDisk {
 public:
  explicit SmallDisk(std::uintmax_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
};

TEST_CASE("a commit that finds no room fails and keeps nothing; the next that finds some succeeds") {
  const TestFolder folder;
  const auto store = open_in(folder, 16'000);
  register_large(*store);
  create_vms(*store, 0, 20);
  {
    const SmallDisk disk(std::filesystem::file_size(folder / "data/cadastre.db-wal"));
    for (std::uint32_t i = 0; i < 5; ++i) CHECK_THROWS_AS(create_vms(*store, 100 + i, 1), StoreFailure);
  }
  const auto reader = store->open_reader();
  CHECK(reader->recount(acme).rows.vms == VmCount{20});
  create_vms(*store, 200, 20);
  CHECK(reader->recount(acme).rows.vms == VmCount{40});
  CHECK(agrees(reader->recount(acme)));
}

TEST_CASE("a log that is copied again and again stays short, and nothing is lost on the way") {
  const TestFolder folder;
  {
    const auto store = open_in(folder, 20);
    register_large(*store);
    const auto reader = store->open_reader();
    for (std::uint32_t i = 0; i < 400; ++i) {
      create_vms(*store, i, 1);
      CHECK(reader->tenant(acme).value().used.vms == VmCount{i + 1});
    }
    CHECK(agrees(reader->recount(acme)));
    CHECK(std::filesystem::file_size(folder / "data/cadastre.db-wal") < 400 * 1024);
  }
  const auto store = open_in(folder, 20);
  CHECK(store->open_reader()->recount(acme).rows.vms == VmCount{400});
}

TEST_CASE("the log is not started anew before the file that it was copied into is synced") {
  const TestFolder folder;
  const std::string file = folder / "a.db";
  Connection writer = Connection::open_writer(file, {});
  writer.execute("CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT)");
  Checkpointer checkpointer(writer, file, 1);
  const auto write = [&] { writer.execute("INSERT OR REPLACE INTO setting VALUES ('a', 'b')"); };
  write();
  const auto size = [&] { return std::filesystem::file_size(file + "-wal"); };
  const auto before = size();
  checkpointer.step();  // copies, and leaves the syncing to another thread
  CHECK(checkpointer.has_work());
  write();
  CHECK(size() > before);
  checkpointer.step_idle();  // waits for it
  CHECK(!checkpointer.has_work());
  const auto grown = size();
  write();
  CHECK(size() == grown);  // written over from the start
  CHECK(writer.integer("PRAGMA synchronous") == 2);
  checkpointer.finish();
  CHECK(size() == 0);
}

TEST_CASE("a file that lost what was copied into it, but not yet synced, is whole again with its log") {
  const TestFolder folder;
  const std::string file = folder / "a.db";
  {
    Connection writer = Connection::open_writer(file, {});
    writer.execute("CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT)");
    Checkpointer checkpointer(writer, file, 1);
    checkpointer.finish();
    for (int i = 0; i < 100; ++i) writer.execute("INSERT INTO setting VALUES (" + std::to_string(i) + ", 'x')");
    std::filesystem::copy_file(file, folder / "lost.db");
    checkpointer.step();
    writer.execute("INSERT INTO setting VALUES ('last', 'x')");
    std::filesystem::copy_file(file + "-wal", folder / "lost.db-wal");
    checkpointer.finish();
  }
  const Connection found = Connection::open_writer(folder / "lost.db", {});
  CHECK(found.integer("SELECT count(*) FROM setting") == 101);
}

TEST_CASE("a reader that keeps an old state makes the log grow, and hears nothing of the copying") {
  const TestFolder folder;
  const auto store = open_in(folder, 20);
  register_large(*store);
  const auto old = Connection::open_reader(folder / "data/cadastre.db", {});
  old.execute("BEGIN");
  REQUIRE(old.integer("SELECT used_vms FROM tenant_usage WHERE tenant_id = 'acme'") == 0);
  create_vms(*store, 0, 300);
  CHECK(old.integer("SELECT used_vms FROM tenant_usage WHERE tenant_id = 'acme'") == 0);
  old.execute("ROLLBACK");
  CHECK(old.integer("SELECT used_vms FROM tenant_usage WHERE tenant_id = 'acme'") == 300);
  create_vms(*store, 300, 50);
  CHECK(agrees(store->open_reader()->recount(acme)));
}

TEST_CASE("rows that are larger than a page are kept whole") {
  const TestFolder folder;
  const auto store = open_in(folder, 20);
  register_tenant(*store, "acme");
  Vm vm = sample_vm(acme, 1);
  vm.error = std::string(5000, 'e');
  for (int port = 1; port <= 32; ++port) vm.ports.push_back({port, "tcp"});
  auto answer = sample_answer(1, noon + std::chrono::hours(1));
  answer.body = std::string(60'000, 'b');
  auto event = sample_event(acme);
  event.data = {{"text", std::string(12'000, 't')}};
  change(*store, acme, [&](Tx& tx) {
    tx.insert(vm);
    tx.append(event, noon);
    tx.idempotent_answer(acme, answer.key, noon);
    tx.record(acme, answer);
  });
  const auto reader = store->open_reader();
  CHECK(words_of(reader->vm(acme, vm.id).value()) == words_of(vm));
  CHECK(reader->leaves(acme, {}).at(1).bytes.size() > 12'000);
  CHECK(words_of(reader->idempotent_answer(acme, answer.key, noon).value()) == words_of(answer));
}

}  // namespace
}  // namespace cadastre

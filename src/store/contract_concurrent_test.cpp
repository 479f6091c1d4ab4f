// The store's contract: many threads, and a process that is killed.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "store/contract_test.h"

namespace cadastre {
namespace {

const TenantId acme = id_of("acme");

/// Runs `work(thread number)` in as many threads and waits for them.
template <class Work>
void in_threads(std::uint32_t count, Work work) {
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("of many threads that create at once exactly as many succeed as the limit allows") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    std::atomic<int> admitted = 0;
    in_threads(16, [&](std::uint32_t thread) {
      for (std::uint32_t i = 0; i < 4; ++i) {
        const bool fitted = transact(store, acme, [&](Tx& tx) -> Result<bool> {
                              if (create_vm(tx, acme, thread * 4 + i)) return true;
                              return refuse(Code::quota_exceeded, "max_vms", "full");
                            }).has_value();
        admitted += fitted ? 1 : 0;
      }
    });
    CHECK(admitted == 10);
    const auto counts = store.open_reader()->recount(acme);
    CHECK(counts.rows.vms == VmCount{10});
    CHECK(counts.leaves == 11);
    CHECK(agrees(counts));
  });
}

TEST_CASE("counters, rows and leaves agree after creates, drops and throws of many threads on several tenants") {
  on_every_store([](Store& store) {
    const char* names[] = {"acme", "beta", "gamma"};
    for (const char* name : names) register_tenant(store, name);
    in_threads(8, [&](std::uint32_t thread) {
      for (std::uint32_t i = 0; i < 30; ++i) {
        const TenantId tenant = id_of(names[(thread + i) % 3]);
        const auto body = [&](Tx& tx) {
          if (!create_vm(tx, tenant, thread * 100 + i)) tx.erase(tenant, VmId::of({}));
        };
        try {
          i % 3 == 0 ? drop(store, tenant, body) : change(store, tenant, body);
        } catch (const StoreFailure&) {
          continue;  // the tenant is full, and the VM to be erased does not exist
        }
      }
    });
    for (const char* name : names) {
      const auto counts = store.open_reader()->recount(id_of(name));
      CHECK(counts.rows.vms == VmCount{10});
      CHECK(agrees(counts));
    }
  });
}

TEST_CASE("readers see whole changes only, while others write") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    std::atomic<bool> finished = false;
    std::atomic<int> parted = 0;
    std::thread looking([&] {
      const auto reader = store.open_reader();
      while (!finished) parted += agrees(reader->recount(acme)) ? 0 : 1;
    });
    for (std::uint32_t i = 0; i < 10; ++i) change(store, acme, [&](Tx& tx) { create_vm(tx, acme, i); });
    finished = true;
    looking.join();
    CHECK(parted == 0);
  });
}

/// Writes until it is killed; tells the number of each change that was answered.
[[noreturn]] void write_for_ever(Place& place, int answers) {
  const auto store = place.open();
  change(*store, acme, [](Tx& tx) {
    auto tenant = tx.tenant(acme).value();
    tenant.quota.max_vms = VmCount{1'000'000};
    tx.update(tenant);
  });
  for (std::uint32_t number = 1;; ++number) {
    change(*store, acme, [&](Tx& tx) { create_vm(tx, acme, number); });
    if (::write(answers, &number, sizeof number) != sizeof number) ::_exit(1);
  }
}

/// The last number that a process told before it was killed after `enough` of them.
std::uint32_t kill_after(Place& place, std::uint32_t enough) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) write_for_ever(place, ends[1]);
  ::close(ends[1]);
  std::uint32_t last = 0;
  for (std::uint32_t number = 0; ::read(ends[0], &number, sizeof number) == sizeof number; last = number) {
    if (number == enough) ::kill(child, SIGKILL);
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  return last;
}

TEST_CASE("every answered change is there after the process was killed, with its leaf, for those outside too") {
  for (const std::uint32_t enough : {1U, 7U, 40U}) {
    on_every_engine([&](Place& place) {
      register_tenant(*place.open(), "acme");
      const std::uint32_t last = kill_after(place, enough);
      REQUIRE(last >= enough);
      const auto check = [&](Reader& reader) {
        const auto counts = reader.recount(acme);
        CHECK(counts.rows.vms >= VmCount{last});
        CHECK(counts.leaves == static_cast<std::uint64_t>(counts.rows.vms.value) + 1);
        CHECK(agrees(counts));
        CHECK(reader.vm(acme, sample_vm(acme, last).id));
      };
      check(*place.open_from_outside());
      const auto store = place.open();
      check(*store->open_reader());
      change(*store, acme, [](Tx& tx) { create_vm(tx, acme, 1'000'000); });
      CHECK(agrees(store->open_reader()->recount(acme)));
    });
  }
}

}  // namespace
}  // namespace cadastre

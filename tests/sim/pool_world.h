// A deployment with a shared pool, on a clock that is moved by hand: what tests of the pool's worker begin with.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/test_folder.h"
#include "service/nodes.h"
#include "service/pool_worker.h"
#include "service/test_key_place.h"
#include "service/vms.h"
#include "store/sqlite/sqlite_store.h"

namespace cadastre {

/// Its register is empty.
class PoolWorld {
 protected:
  explicit PoolWorld(std::uint64_t seed) : random_(seed) {}

  void add_tenant(const TenantId& id, VmCount vms_max) {
    const auto body = [&](Tx& tx) -> Result<bool> {
      Tenant tenant{.id = id, .created_at = clock_.now()};
      tenant.quota = {.max_vms = vms_max, .storage = Gigabytes{1000}, .api_rate = RequestsPerMinute{1000}};
      tx.insert(tenant);
      return true;
    };
    REQUIRE(transact(*store_, id, body));
  }

  static Caller caller_of(const TenantId& tenant, std::string device = {}) {
    Caller caller = system_caller(tenant);
    caller.is_system = false;
    caller.device = std::move(device);
    return caller;
  }

  static inline const TenantId pool = TenantId::parse("pool").value();
  SeededRandom random_;
  TestFolder folder_;
  ManualClock clock_{instant_from_s(1'800'000'000)};
  TestKeyPlace place_{Bytes<32>{4}, clock_};
  const Deployment deployment_{
      .issuer = "https://c.example", .audience = "cadastre:test", .ledger_host = "c.example", .shared_pool = pool};
  Bytes<32> master_seed_{5};
  Keys keys_{place_.keyring(), master_seed_};
  Services services_{clock_, random_, deployment_, keys_};
  std::unique_ptr<Store> store_ = open_sqlite_store({.directory = folder_ / "store"});
  std::unique_ptr<Reader> reader_ = store_->open_reader();
};

}  // namespace cadastre

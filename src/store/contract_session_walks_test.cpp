// The store's contract: sessions found over all tenants.
#include <fmt/format.h>

#include "store/contract_test.h"

namespace cadastre {
namespace {

const TenantId acme = id_of("acme");
const TenantId zeta = id_of("zeta");

TEST_CASE(
    "sessions are found over all tenants: page after page, and those that ended by age or idleness, first to end "
    "first") {
  on_every_store([](Store& store) {
    register_tenant(store, "");
    register_tenant(store, "acme");
    register_tenant(store, "zeta");
    struct Row {
      TenantId tenant;
      std::uint8_t number;
      int seen_s, expires_s, idle_s;
    };
    const Row rows[] = {{acme, 1, 0, 500, 100},
                        {zeta, 2, 0, 90, 100},
                        {TenantId::platform(), 3, 50, 500, 100},
                        {acme, 4, 0, 1000, 0},
                        {zeta, 5, 900, 1000, 100}};
    for (const Row& row : rows) {
      change(store, row.tenant, [&](Tx& tx) {
        Session session = sample_session(row.tenant, row.number);
        session.seen_at = noon + std::chrono::seconds(row.seen_s);
        session.expires_at = noon + std::chrono::seconds(row.expires_s);
        session.idle_s = row.idle_s;
        tx.put(session);
      });
    }
    const auto reader = store.open_reader();
    const auto ended = [&](Reader& r, int now_s, std::size_t limit = 10) {
      std::string numbers;
      for (const Session& each : r.ended_sessions(noon + std::chrono::seconds(now_s), limit)) {
        numbers += fmt::format("{}/{} ", each.tenant.text(), int{each.id[0]});
      }
      return numbers;
    };
    const auto all = [](Reader& r, std::size_t limit) {
      std::string numbers;
      for (SessionWalk walk{.limit = limit};;) {
        const auto page = r.all_sessions(walk);
        for (const Session& each : page) numbers += fmt::format("{}/{} ", each.tenant.text(), int{each.id[0]});
        if (page.size() < limit) return numbers;
        numbers += "| ";
        walk = {.after_tenant = page.back().tenant, .after = page.back().id, .limit = limit};
      }
    };
    CHECK(all(*reader, 10) == "/3 acme/1 acme/4 zeta/2 zeta/5 ");
    CHECK(all(*reader, 2) == "/3 acme/1 | acme/4 zeta/2 | zeta/5 ");
    CHECK(all(*reader, 5) == "/3 acme/1 acme/4 zeta/2 zeta/5 | ");
    CHECK(ended(*reader, 89).empty());
    CHECK(ended(*reader, 90) == "zeta/2 ");
    CHECK(ended(*reader, 100) == "zeta/2 acme/1 ");
    CHECK(ended(*reader, 999) == "zeta/2 acme/1 /3 ");
    CHECK(ended(*reader, 1000) == "zeta/2 acme/1 /3 acme/4 zeta/5 ");
    CHECK(ended(*reader, 1000, 2) == "zeta/2 acme/1 ");
    change(store, acme, [&](Tx& tx) {
      Session used = sample_session(acme, 1);
      used.seen_at = noon + std::chrono::seconds(300);
      used.expires_at = noon + std::chrono::seconds(5000);
      used.idle_s = 100;
      tx.put(used);
      CHECK(ended(tx, 350) == "zeta/2 /3 ");
    });
    change(store, zeta, [&](Tx& tx) {
      tx.erase_session(zeta, sample_session(zeta, 2).id);
      CHECK(all(tx, 10) == "/3 acme/1 acme/4 zeta/5 ");
    });
    CHECK(ended(*reader, 400) == "/3 acme/1 ");
  });
}

}  // namespace
}  // namespace cadastre

// The store's contract: what caveats have counted goes when nobody can come with the element that bears them.
#include "store/contract_test.h"

namespace cadastre {
namespace {

const TenantId acme = id_of("acme");
const TenantId zeta = id_of("zeta");

RateBudget some_rate() {
  RateBudget rate;
  rate.admit(9, noon);
  return rate;
}

/// `acme 1, zeta 2` for elements of those tenants and numbers.
std::string words_of(const std::vector<ExpiredBearer>& bearers) {
  std::string words;
  for (const ExpiredBearer& each : bearers) {
    if (!words.empty()) words += ", ";
    words += each.tenant.text() + ' ' + std::to_string(each.rid[0]);
  }
  return words;
}

TEST_CASE("elements whose requests were counted are found when they have expired, each once and by tenant") {
  on_every_store([](Store& store) {
    for (const char* tenant : {"", "acme", "zeta"}) register_tenant(store, tenant);
    const Instant later = noon + std::chrono::seconds(1);
    change(store, zeta, [&](Tx& tx) {
      tx.set_counter(zeta, CounterKind::uses, filled<32>(1), 1, noon);
      tx.set_caveat_rate(zeta, filled<32>(1), some_rate(), noon);
      tx.set_caveat_rate(zeta, filled<32>(2), some_rate(), later);
    });
    change(store, acme, [&](Tx& tx) {
      tx.set_counter(acme, CounterKind::uses, filled<32>(4), 1, later);
      tx.set_counter(acme, CounterKind::uses, filled<32>(3), 1, noon);
      tx.set_counter(acme, CounterKind::vms, filled<32>(5), 1, std::nullopt);
    });
    change(store, TenantId::platform(),
           [&](Tx& tx) { tx.set_counter(TenantId::platform(), CounterKind::uses, filled<32>(6), 1, noon); });
    const auto check_all = [&](Reader& reader) {
      CHECK(reader.expired_bearers(noon - std::chrono::milliseconds(1), 10).empty());
      CHECK(words_of(reader.expired_bearers(noon, 10)) == " 6, acme 3, zeta 1");
      CHECK(words_of(reader.expired_bearers(later, 10)) == " 6, acme 3, acme 4, zeta 1, zeta 2");
      CHECK(reader.expired_bearers(later, 2).size() == 2);
    };
    check_all(*store.open_reader());
    change(store, acme, [&](Tx& tx) { check_all(tx); });
    // A later count tells a later end.
    change(store, acme, [&](Tx& tx) { tx.set_counter(acme, CounterKind::uses, filled<32>(3), 2, later); });
    CHECK(words_of(store.open_reader()->expired_bearers(noon, 10)) == " 6, zeta 1");
  });
}

TEST_CASE("an element's requests are forgotten, its VMs and everybody else's requests are not") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    register_tenant(store, "zeta");
    const auto fill = [](Tx& tx, const TenantId& tenant, std::uint8_t number) {
      tx.set_counter(tenant, CounterKind::uses, filled<32>(number), 3, noon);
      tx.set_counter(tenant, CounterKind::vms, filled<32>(number), 2, std::nullopt);
      tx.set_caveat_rate(tenant, filled<32>(number), some_rate(), noon);
    };
    change(store, acme, [&](Tx& tx) { fill(tx, acme, 1), fill(tx, acme, 2); });
    change(store, zeta, [&](Tx& tx) { fill(tx, zeta, 1); });
    const auto has_requests = [](Reader& reader, const TenantId& tenant, std::uint8_t number) {
      const bool has_uses = reader.counter(tenant, CounterKind::uses, filled<32>(number)) == 3;
      CHECK(has_uses == (reader.caveat_rate(tenant, filled<32>(number)) == some_rate()));
      CHECK(reader.counter(tenant, CounterKind::vms, filled<32>(number)) == (number == 9 ? 0 : 2));
      return has_uses;
    };
    const auto reader = store.open_reader();
    drop(store, acme, [&](Tx& tx) { tx.forget_requests(acme, filled<32>(1)); });
    CHECK(has_requests(*reader, acme, 1));
    change(store, acme, [&](Tx& tx) {
      tx.forget_requests(acme, filled<32>(1));
      tx.forget_requests(acme, filled<32>(9));  // of whom nothing was counted
      CHECK(!has_requests(tx, acme, 1));
    });
    CHECK(!has_requests(*reader, acme, 1));
    CHECK(!has_requests(*reader, acme, 9));
    CHECK(has_requests(*reader, acme, 2));
    CHECK(has_requests(*reader, zeta, 1));
    CHECK(reader->counter(acme, CounterKind::uses, filled<32>(1)) == 0);
    // Whoever counts afterwards begins anew.
    change(store, acme, [&](Tx& tx) {
      tx.set_counter(acme, CounterKind::uses, filled<32>(1), 1, noon);
      tx.forget_requests(acme, filled<32>(1));
      tx.set_counter(acme, CounterKind::uses, filled<32>(1), 7, noon);
    });
    CHECK(reader->counter(acme, CounterKind::uses, filled<32>(1)) == 7);
    CHECK(reader->caveat_rate(acme, filled<32>(1)) == RateBudget());
  });
}

}  // namespace
}  // namespace cadastre

// The store's contract: what is written can be read, by the tenant it belongs to and nobody else.
#include "store/contract_test.h"

#include <map>

namespace cadastre {
namespace {

const TenantId acme = id_of("acme");
const TenantId zeta = id_of("zeta");

template <class Row>
std::string ids_of(const std::vector<Row>& rows) {
  std::string ids;
  for (const Row& row : rows) ids += row.name + ' ';
  return ids;
}

std::string ids_of(const std::vector<Tenant>& tenants) {
  std::string ids;
  for (const Tenant& tenant : tenants) ids += tenant.id.text() + ' ';
  return ids;
}

TEST_CASE("a tenant is read as it was written, inside its transaction and by readers") {
  on_every_store([](Store& store) {
    const auto reader = store.open_reader();
    CHECK(!reader->tenant(acme));
    const Tenant wanted = sample_tenant("acme");
    std::string seen_inside;
    change(store, acme, [&](Tx& tx) {
      tx.insert(wanted);
      seen_inside = words_of(tx.tenant(acme).value());
    });
    CHECK(seen_inside == words_of(wanted));
    CHECK(words_of(reader->tenant(acme).value()) == words_of(wanted));
  });
}

TEST_CASE("an update writes the whole tenant and raises its revision once for each change") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    Tenant wanted = sample_tenant("acme");
    wanted.display_name = "Other";
    wanted.state = TenantState::suspended;
    wanted.quota = {VmCount{1}, Gigabytes{2}, std::nullopt, VcpuCount{4}, RequestsPerMinute{5}};
    wanted.used = {VmCount{5}, Gigabytes{6}, Mebibytes{7}, VcpuCount{8}};
    wanted.generation = 3;
    wanted.updated_at = noon + std::chrono::hours(1);
    change(store, acme, [&](Tx& tx) { tx.update(wanted); });
    change(store, acme, [&](Tx& tx) { tx.update(wanted); });
    wanted.revision = 3;
    const auto reader = store.open_reader();
    CHECK(words_of(reader->tenant(acme).value()) == words_of(wanted));
    CHECK(reader->log_head(acme).value().size == 1);
  });
}

TEST_CASE("several tenants are asked for at once: those that there are answer with the heads of their logs") {
  on_every_store([](Store& store) {
    for (const char* id : {"", "acme", "beta", "gone"}) register_tenant(store, id);
    change(store, id_of("gone"), [](Tx& tx) {
      auto tenant = tx.tenant(id_of("gone")).value();
      tenant.state = TenantState::deleted;
      tx.update(tenant);
    });
    change(store, acme, [](Tx& tx) { create_vm(tx, acme, 1); });
    const auto reader = store.open_reader();
    const std::vector<TenantId> asked{TenantId::platform(), zeta, acme, id_of("gone")};
    std::map<TenantId, TenantWithHead> found;
    for (auto& each : reader->tenants_with_heads(asked)) found.emplace(each.tenant.id, each);
    CHECK(found.size() == 3);
    CHECK(found.at(acme).head.size == 2);
    CHECK(words_of(found.at(acme).tenant) == words_of(reader->tenant(acme).value()));
    CHECK(found.at(id_of("gone")).tenant.state == TenantState::deleted);
    CHECK(found.at(TenantId::platform()).head.size == reader->log_head(TenantId::platform())->size);
    CHECK(reader->tenants_with_heads({}).empty());
  });
}

TEST_CASE("tenants are listed by id, page by page, without the platform and the deleted ones") {
  on_every_store([](Store& store) {
    for (const char* id : {"", "acme", "beta", "gone", "zeta"}) register_tenant(store, id);
    change(store, id_of("gone"), [](Tx& tx) {
      auto tenant = tx.tenant(id_of("gone")).value();
      tenant.state = TenantState::deleted;
      tx.update(tenant);
      CHECK(ids_of(tx.tenants("", 10)) == "acme beta zeta ");
    });
    const auto reader = store.open_reader();
    CHECK(ids_of(reader->tenants("", 2)) == "acme beta ");
    CHECK(ids_of(reader->tenants("beta", 2)) == "zeta ");
    CHECK(reader->tenants("zeta", 2).empty());
    CHECK(reader->tenant(id_of("gone")).value().state == TenantState::deleted);
    CHECK(reader->tenant(TenantId::platform()));
  });
}

TEST_CASE("a VM is read as it was written, updated and erased") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    Vm vm = sample_vm(acme, 1);
    Vm bare = sample_vm(acme, 2);
    bare.name = bare.preferred_node = bare.node_id = bare.error = "";
    bare.pool.reset();
    bare.prefer_kvm = false;
    bare.ports.clear();
    bare.host_ports.clear();
    bare.started_at = std::nullopt;
    bare.generation = 1;
    bare.reboots = 0;
    change(store, acme, [&](Tx& tx) {
      tx.insert(vm);
      tx.insert(bare);
      CHECK(words_of(tx.vm(acme, vm.id).value()) == words_of(vm));
    });
    CHECK(words_of(reader->vm(acme, vm.id).value()) == words_of(vm));
    CHECK(words_of(reader->vm(acme, bare.id).value()) == words_of(bare));
    bare.state = VmState::error;
    bare.error = "no node has room";
    bare.ports = {{443, "tcp"}};
    bare.started_at = noon;
    bare.generation = 9;
    bare.revision = 2;
    change(store, acme, [&](Tx& tx) { tx.update(bare); });
    CHECK(words_of(reader->vm(acme, bare.id).value()) == words_of(bare));
    change(store, acme, [&](Tx& tx) { tx.erase(acme, vm.id); });
    CHECK(!reader->vm(acme, vm.id));
    CHECK(reader->vm(acme, bare.id));
  });
}

TEST_CASE("VMs are listed by id, page by page, and filtered") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    change(store, acme, [](Tx& tx) {
      for (const std::uint32_t number : {3U, 1U, 4U, 2U, 5U}) {
        Vm vm = sample_vm(acme, number);
        vm.state = number % 2 == 0 ? VmState::error : VmState::running;
        vm.node_id = number > 3 ? "east" : "";
        tx.insert(vm);
      }
    });
    const auto reader = store.open_reader();
    const auto page = [&](const VmQuery& query) { return ids_of(reader->vms(acme, query)); };
    VmQuery query;
    CHECK(page(query) == "vm-1 vm-2 vm-3 vm-4 vm-5 ");
    query.limit = 2;
    query.after = sample_vm(acme, 2).id;
    CHECK(page(query) == "vm-3 vm-4 ");
    query.state = VmState::error;
    CHECK(page(query) == "vm-4 ");
    query = {};
    query.node_id = "east";
    CHECK(page(query) == "vm-4 vm-5 ");
    query.name = "vm-5";
    CHECK(page(query) == "vm-5 ");
    query.state = VmState::error;
    CHECK(page(query).empty());
    CHECK(reader->count_vms(acme, VmState::error) == 2);
    CHECK(reader->count_vms(acme, VmState::deleting) == 0);
  });
}

TEST_CASE("a transaction finds its VMs by node as it has left them") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto vm_on = [](std::uint32_t number, const char* node) {
      Vm vm = sample_vm(acme, number);
      vm.node_id = node;
      return vm;
    };
    const auto on_east = [](Reader& r) { return ids_of(r.vms(acme, {.node_id = "east"})); };
    change(store, acme, [&](Tx& tx) {
      for (const std::uint32_t number : {4U, 2U, 1U}) tx.insert(vm_on(number, ""));
      tx.insert(vm_on(5, "east"));
      tx.insert(vm_on(3, "east"));
      CHECK(on_east(tx) == "vm-3 vm-5 ");
    });
    const auto move = [&](Tx& tx) {
      tx.update(vm_on(2, "east"));
      tx.update(vm_on(3, "west"));
      tx.update(vm_on(5, ""));
      tx.erase(acme, sample_vm(acme, 1).id);
      CHECK(on_east(tx) == "vm-2 ");
    };
    const auto reader = store.open_reader();
    drop(store, acme, move);
    CHECK(on_east(*reader) == "vm-3 vm-5 ");
    change(store, acme, move);
    CHECK(on_east(*reader) == "vm-2 ");
  });
}

TEST_CASE("a token is found by its id and its revocation id, and listed page by page") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    IssuedToken first = sample_token(acme, 1);
    const IssuedToken second = sample_token(acme, 2);
    change(store, acme, [&](Tx& tx) {
      tx.insert(second);
      tx.insert(first);
    });
    CHECK(words_of(reader->token(acme, first.id).value()) == words_of(first));
    CHECK(words_of(reader->token_by_rid(acme, second.rid).value()) == words_of(second));
    CHECK(!reader->token(acme, TokenId{}));
    CHECK(!reader->token_by_rid(acme, RevocationId{}));
    CHECK(reader->tokens(acme, {.after = {}, .limit = 50}).size() == 2);
    const auto rest = reader->tokens(acme, {.after = first.id, .limit = 1});
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].id == second.id);
    change(store, acme, [&](Tx& tx) { tx.mark_revoked(acme, first.id, noon, "boss"); });
    first.revoked_at = noon;
    first.revoked_by = "boss";
    CHECK(words_of(reader->token(acme, first.id).value()) == words_of(first));
  });
}

TEST_CASE("a namespace's revocations are read in the order of recording, without those that are known") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    register_tenant(store, "zeta");
    const auto reader = store.open_reader();
    const auto revoke = [](Tx& tx, const TenantId& tenant, std::uint8_t id, RevocationKind kind) {
      tx.insert(Revocation{.tenant = tenant, .kind = kind, .id = {id}, .revoked_at = noon, .expires_at = noon});
    };
    constexpr auto token = RevocationKind::token;
    using Ids = std::vector<Bytes<32>>;
    CHECK(reader->revoked_after(acme, 0, 10).empty());
    change(store, acme, [&](Tx& tx) { revoke(tx, acme, 5, token), revoke(tx, acme, 3, token); });
    drop(store, acme, [&](Tx& tx) { revoke(tx, acme, 9, token); });
    change(store, acme, [&](Tx& tx) { revoke(tx, acme, 5, token); });
    change(store, acme, [&](Tx& tx) {
      revoke(tx, acme, 4, RevocationKind::key);
      CHECK(tx.revoked_after(acme, 1, 10) == Ids{{3}, {4}});
      revoke(tx, acme, 4, token);
    });
    change(store, zeta, [&](Tx& tx) { revoke(tx, zeta, 7, token); });
    CHECK(reader->revoked_after(acme, 0, 10) == Ids{{5}, {3}, {4}, {4}});
    CHECK(reader->revoked_after(acme, 0, 1) == Ids{{5}});
    CHECK(reader->revoked_after(acme, 1, 2) == Ids{{3}, {4}});
    CHECK(reader->revoked_after(acme, 4, 10).empty());
    CHECK(reader->revoked_after(zeta, 0, 10) == Ids{{7}});
    CHECK(reader->revoked_after(TenantId::platform(), 0, 10).empty());
    CHECK(reader->tenant(acme).value().revocations == 4);
  });
}

TEST_CASE("a revocation is recorded once, counted in its tenant's row, and never forgotten") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    // Even one that may be forgotten by now is not: a clock may go back.
    const Revocation revocation{acme, RevocationKind::key, sample_token(acme, 1).rid, noon, instant_from_s(0)};
    for (int i = 0; i < 2; ++i) change(store, acme, [&](Tx& tx) { tx.insert(revocation); });
    CHECK(reader->tenant(acme).value().revocations == 1);
    CHECK(reader->is_revoked(acme, RevocationKind::key, revocation.id));
    CHECK(!reader->is_revoked(acme, RevocationKind::token, revocation.id));
    CHECK(!reader->is_revoked(acme, RevocationKind::key, {}));
    const Bytes<32> ids[] = {{1}, revocation.id, {2}};
    CHECK(reader->revoked_among(acme, RevocationKind::key, ids) == std::vector{revocation.id});
    CHECK(reader->revoked_among(acme, RevocationKind::token, ids).empty());
    CHECK(reader->revoked_among(TenantId::platform(), RevocationKind::key, ids).empty());
    CHECK(reader->revoked_among(acme, RevocationKind::key, {}).empty());
    // An update with a copy from before the revocation does not undo the count.
    change(store, acme, [&](Tx& tx) { tx.update(sample_tenant("acme")); });
    CHECK(reader->tenant(acme).value().revocations == 1);
  });
}

TEST_CASE("an idempotent answer is given until it expires, and then its key may be used again") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    const Instant later = noon + std::chrono::hours(24);
    const auto answer = sample_answer(1, later);
    change(store, acme, [&](Tx& tx) {
      CHECK(!tx.idempotent_answer(acme, answer.key, noon));
      tx.record(acme, answer);
      CHECK(tx.idempotent_answer(acme, answer.key, noon));
    });
    CHECK(words_of(reader->idempotent_answer(acme, answer.key, noon).value()) == words_of(answer));
    CHECK(!reader->idempotent_answer(acme, answer.key, later));
    CHECK(!reader->idempotent_answer(acme, sample_answer(2, later).key, noon));
    CHECK_THROWS_AS(change(store, acme, [&](Tx& tx) { tx.record(acme, answer); }), StoreFailure);
    auto second = sample_answer(1, later + std::chrono::hours(24));
    second.status = 204;
    change(store, acme, [&](Tx& tx) {
      CHECK(!tx.idempotent_answer(acme, answer.key, later));
      tx.record(acme, second);
    });
    CHECK(reader->idempotent_answer(acme, answer.key, later).value().status == 204);
  });
}

TEST_CASE("a setting is kept under its name and may be replaced") {
  on_every_store([](Store& store) {
    const auto reader = store.open_reader();
    CHECK(!reader->setting("issuer"));
    for (const char* value : {"first", "second"}) {
      change(store, TenantId::platform(), [&](Tx& tx) { tx.set_setting("issuer", value); });
      CHECK(reader->setting("issuer") == value);
    }
  });
}

TEST_CASE("what belongs to one tenant does not exist for another") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    register_tenant(store, "zeta");
    change(store, acme, [](Tx& tx) {
      tx.insert(sample_vm(acme, 1));
      tx.insert(sample_token(acme, 1));
      tx.insert({acme, RevocationKind::token, sample_token(acme, 1).rid, noon, noon + std::chrono::hours(1)});
      tx.record(acme, sample_answer(1, noon + std::chrono::hours(1)));
      tx.publish(sample_checkpoint(acme, 1), 0);
    });
    const auto reader = store.open_reader();
    CHECK(!reader->vm(zeta, sample_vm(acme, 1).id));
    CHECK(reader->vms(zeta, {}).empty());
    CHECK(reader->count_vms(zeta, VmState::running) == 0);
    CHECK(!reader->token(zeta, sample_token(acme, 1).id));
    CHECK(!reader->token_by_rid(zeta, sample_token(acme, 1).rid));
    CHECK(reader->tokens(zeta, {}).empty());
    CHECK(!reader->is_revoked(zeta, RevocationKind::token, sample_token(acme, 1).rid));
    CHECK(!reader->idempotent_answer(zeta, sample_answer(1, noon).key, noon));
    CHECK(!reader->checkpoint(zeta));
    CHECK(reader->tenant(zeta).value().revocations == 0);
    CHECK(reader->recount(zeta).rows == Usage{});
    CHECK_THROWS_AS(change(store, zeta, [](Tx& tx) { tx.erase(zeta, sample_vm(acme, 1).id); }), StoreFailure);
    CHECK(reader->vm(acme, sample_vm(acme, 1).id));
    // The same ids may be used by both.
    change(store, zeta, [](Tx& tx) {
      tx.insert(sample_vm(zeta, 1));
      tx.insert(sample_token(zeta, 1));
    });
    CHECK(reader->vms(zeta, {}).size() == 1);
  });
}

TEST_CASE("a change of what does not exist, or a second row of the same id, is a failure that keeps nothing") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    change(store, acme, [](Tx& tx) {
      tx.insert(sample_vm(acme, 1));
      tx.insert(sample_token(acme, 1));
    });
    const std::function<void(Tx&)> bodies[] = {
        [](Tx& tx) { tx.insert(sample_tenant("acme")); },
        [](Tx& tx) { tx.insert(sample_vm(acme, 1)); },
        [](Tx& tx) { tx.insert(sample_token(acme, 1)); },
        [](Tx& tx) { tx.update(sample_tenant("zeta")); },
        [](Tx& tx) { tx.update(sample_vm(acme, 2)); },
        [](Tx& tx) { tx.erase(acme, sample_vm(acme, 2).id); },
        [](Tx& tx) { tx.append(sample_event(zeta), noon); },
        [](Tx& tx) { tx.insert(sample_vm(zeta, 1)); },
        [](Tx& tx) { tx.mark_revoked(acme, sample_token(acme, 2).id, noon, ""); },
        [](Tx& tx) { tx.publish(sample_checkpoint(zeta, 1), 0); },
    };
    const auto reader = store.open_reader();
    const auto before = reader->tenant(acme).value().revision;
    for (const auto& body : bodies) {
      CHECK_THROWS_AS(change(store, acme,
                             [&](Tx& tx) {
                               tx.update(sample_tenant("acme"));
                               body(tx);
                             }),
                      StoreFailure);
      CHECK(reader->tenant(acme).value().revision == before);
    }
  });
}

}  // namespace
}  // namespace cadastre

// Random verbs on a real store that sometimes fails, beside a model: after every step the two say the same.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/test_folder.h"
#include "ledger/merkle.h"
#include "service/revocations.h"
#include "service/tenants.h"
#include "service/test_key_place.h"
#include "service/tokens.h"
#include "service/vms.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/sim/failing_tx.h"
#include "tests/sim/model.h"

namespace cadastre {
namespace {

constexpr int steps = 600;
constexpr std::uint64_t writes_of_a_change_max = 4;

/// What a verb answered: `ok`, the code of its refusal, or that the store failed.
struct Outcome {
  std::optional<Code> refusal;
  bool store_failed = false;
  bool is_yes() const { return !refusal && !store_failed; }
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : chance_(seed), random_(seed + 1) { reopen(); }

  void run() {
    for (step_ = 0; step_ < steps; ++step_) {
      CAPTURE(step_);
      clock_.advance(std::chrono::milliseconds(chance_.below(2000)));
      if (one_in(50)) clock_.set(clock_.now() - std::chrono::minutes(5));  // as an administrator does
      if (one_in(60)) reopen();
      const TenantId id = TenantId::parse(fmt::format("tenant-{}", chance_.below(4))).value();
      take_step(id);
      check(id);
    }
    for (const auto& [id, tenant] : model_) check(id);
  }

 private:
  bool one_in(std::uint64_t count) { return chance_.below(count) == 0; }
  std::int64_t up_to(std::uint64_t most) { return static_cast<std::int64_t>(chance_.below(most + 1)); }

  void reopen() {
    reader_.reset();
    store_.reset();
    store_ = open_sqlite_store({.directory = folder_ / "store"});
    reader_ = store_->open_reader();
  }

  Caller caller(const TenantId& tenant, const Scope& scope) {
    return {.tenant = tenant,
            .home = tenant,
            .scope = scope,
            .token_id = "AAAAAAAAAAAAAAAAAAAAAA",
            .rids = {RevocationId{1}},
            .key_thumbprints = {Digest{2}},
            .expires_at = clock_.now() + std::chrono::hours(1),
            .request_id = fmt::format("step-{}", step_)};
  }
  Caller platform() { return caller(TenantId::platform(), Scope::platform_admin()); }

  /// Runs the verb in a transaction; one in eight fails at one of its first writes.
  template <class Verb>
  Outcome perform(const TenantId& tenant, Verb verb) {
    const bool fails = one_in(8);
    const std::uint64_t writes = fails ? chance_.below(writes_of_a_change_max) : UINT64_MAX;
    try {
      const auto answer = transact(*store_, tenant, [&](Tx& tx) {
        FailingTx failing(tx, writes);
        return verb(failing);
      });
      return answer ? Outcome{} : Outcome{.refusal = answer.error().code};
    } catch (const StoreFailure& failure) {
      CHECK(fails);
      CHECK(failure.what() == std::string_view("the disk is full"));
      return {.refusal = {}, .store_failed = true};
    }
  }

  /// The verb must answer `wanted` (nothing: yes) unless the store failed. True when it was a yes.
  bool expect(const Outcome& outcome, std::optional<Code> wanted) {
    if (outcome.store_failed) return false;
    CHECK(outcome.refusal == wanted);
    return outcome.is_yes();
  }

  void take_step(const TenantId& id) {
    switch (chance_.below(10)) {
      case 0: return create_tenant(id);
      case 1: return change_limits(id);
      case 2: return change_state(id);
      case 3: return one_in(6) ? delete_tenant(id) : issue_token(id);
      case 4: return revoke_token(id);
      case 5: return wish(id);
      case 6: return delete_vm(id);
      default: return create_vm(id);
    }
  }

  ModelTenant* known(const TenantId& id) {
    const auto found = model_.find(id);
    return found == model_.end() || found->second.state == TenantState::deleted ? nullptr : &found->second;
  }
  /// Why nothing of the tenant may be changed by its own tokens.
  std::optional<Code> closed(const TenantId& id) {
    const auto found = model_.find(id);
    if (found == model_.end()) return Code::not_found;
    if (found->second.state == TenantState::suspended) return Code::tenant_suspended;
    if (found->second.state == TenantState::deleted) return Code::not_found;
    return std::nullopt;
  }

  void create_tenant(const TenantId& id) {
    const auto max_vms = up_to(6), storage = up_to(60);
    TenantOrder order{id, "A name", {VmCount{max_vms}, Gigabytes{storage}, {}, {}, RequestsPerMinute{600}}};
    const auto outcome = perform(id, [&](Tx& tx) { return cadastre::create_tenant(tx, services_, platform(), order); });
    if (!expect(outcome, model_.contains(id) ? std::optional(Code::already_exists) : std::nullopt)) return;
    model_[id] = {.max_vms = max_vms, .storage_gb = storage, .max_ram_mb = {}, .leaves = 1};
  }

  void change_limits(const TenantId& id) {
    TenantPatch patch{.max_vms = up_to(8), .storage_quota_gb = up_to(80), .force = one_in(4)};
    patch.max_ram_mb = one_in(2) ? std::optional<std::int64_t>() : std::optional(512 * up_to(6));
    ModelTenant* const tenant = known(id);
    std::optional<Code> wanted;
    if (tenant == nullptr) {
      wanted = Code::not_found;
    } else if (!patch.force &&
               (*patch.max_vms < std::ssize(tenant->vms) || *patch.storage_quota_gb < tenant->disk_gb() ||
                (*patch.max_ram_mb && **patch.max_ram_mb < tenant->ram_mb()))) {
      wanted = Code::limit_below_usage;
    }
    const auto outcome =
        perform(id, [&](Tx& tx) { return cadastre::update_tenant(tx, services_, platform(), id, patch, {}); });
    if (!expect(outcome, wanted)) return;
    const bool changed = tenant->max_vms != *patch.max_vms || tenant->storage_gb != *patch.storage_quota_gb ||
                         tenant->max_ram_mb != *patch.max_ram_mb;
    tenant->max_vms = *patch.max_vms;
    tenant->storage_gb = *patch.storage_quota_gb;
    tenant->max_ram_mb = *patch.max_ram_mb;
    if (changed) ++tenant->leaves;
  }

  void change_state(const TenantId& id) {
    const auto state = one_in(3) ? TenantState::suspended : TenantState::active;
    ModelTenant* const tenant = known(id);
    const auto outcome =
        perform(id, [&](Tx& tx) { return cadastre::set_tenant_state(tx, services_, platform(), id, state); });
    if (!expect(outcome, tenant == nullptr ? std::optional(Code::not_found) : std::nullopt)) return;
    if (tenant->state != state) ++tenant->leaves;
    tenant->state = state;
  }

  void delete_tenant(const TenantId& id) {
    ModelTenant* const tenant = known(id);
    std::optional<Code> wanted;
    if (tenant == nullptr) wanted = Code::not_found;
    if (tenant != nullptr && !tenant->vms.empty()) wanted = Code::tenant_not_empty;
    const auto outcome =
        perform(id, [&](Tx& tx) { return cadastre::delete_tenant(tx, services_, platform(), id, {}); });
    if (!expect(outcome, wanted)) return;
    tenant->state = TenantState::deleted;
    ++tenant->leaves;
  }

  void issue_token(const TenantId& id) {
    TokenOrder order{.tenant = id, .subject_key = holder_, .scope = Scope::tenant_admin()};
    order.expires_in_s = 3600;
    std::string token_id;
    const auto outcome = perform(id, [&](Tx& tx) -> Result<int> {
      token_id = encode_base64url(TRY(cadastre::issue_token(tx, services_, platform(), order)).record.id);
      return 0;
    });
    if (!expect(outcome, closed(id))) return;
    model_[id].tokens[token_id] = false;
    ++model_[id].leaves;
  }

  void revoke_token(const TenantId& id) {
    ModelTenant* const tenant = known(id);
    if (tenant == nullptr || tenant->tokens.empty()) return;
    auto& [token_id, is_revoked] = *std::next(tenant->tokens.begin(), up_to(tenant->tokens.size() - 1));
    const auto outcome =
        perform(id, [&](Tx& tx) { return cadastre::revoke_token(tx, services_, platform(), id, token_id); });
    if (!expect(outcome, std::nullopt)) return;
    if (!is_revoked) ++tenant->leaves;
    is_revoked = true;
  }

  void create_vm(const TenantId& id) {
    const ModelVm vm{.disk_gb = 1 + up_to(15), .ram_mb = 512, .vcpus = 1};
    VmOrder order{.vm_type = "VmTotebox", .name = {}};
    order.ram = Mebibytes{vm.ram_mb};
    order.vcpus = VcpuCount{vm.vcpus};
    order.disk = Gigabytes{vm.disk_gb};
    auto wanted = closed(id);
    if (!wanted && !model_[id].has_room(vm)) wanted = Code::quota_exceeded;
    std::string vm_id;
    const auto outcome = perform(id, [&](Tx& tx) -> Result<int> {
      vm_id = TRY(cadastre::create_vm(tx, services_, caller(id, Scope::tenant_admin()), order)).id.text();
      return 0;
    });
    if (!expect(outcome, wanted)) return;
    model_[id].vms[vm_id] = vm;
    ++model_[id].leaves;
  }

  /// One of the tenant's VMs, or an id that nobody has.
  std::string some_vm(const TenantId& id) {
    const auto found = model_.find(id);
    if (found == model_.end() || found->second.vms.empty() || one_in(10))
      return VmId::draw(random_, clock_.now()).text();
    const auto& vms = found->second.vms;
    return std::next(vms.begin(), up_to(vms.size() - 1))->first;
  }
  std::optional<Code> closed_or_missing(const TenantId& id, const std::string& vm_id) {
    if (const auto code = closed(id)) return code;
    return model_[id].vms.contains(vm_id) ? std::nullopt : std::optional(Code::not_found);
  }

  void wish(const TenantId& id) {
    const std::string vm_id = some_vm(id);
    const auto wanted = one_in(2) ? VmWish::stop : VmWish::run;
    const auto outcome = perform(
        id, [&](Tx& tx) { return cadastre::wish_vm(tx, services_, caller(id, Scope::tenant_admin()), vm_id, wanted); });
    if (!expect(outcome, closed_or_missing(id, vm_id))) return;
    ModelVm& vm = model_[id].vms[vm_id];
    if (vm.wish != wanted || !vm.was_asked) ++model_[id].leaves;
    vm.wish = wanted;
    vm.was_asked = true;
  }

  void delete_vm(const TenantId& id) {
    const std::string vm_id = some_vm(id);
    const auto outcome = perform(
        id, [&](Tx& tx) { return cadastre::delete_vm(tx, services_, caller(id, Scope::tenant_admin()), vm_id, {}); });
    if (!expect(outcome, closed_or_missing(id, vm_id))) return;
    model_[id].vms.erase(vm_id);
    ++model_[id].leaves;
  }

  /// Rows, counters and ledger of the namespace are what the model says.
  void check(const TenantId& id) {
    const auto stored = reader_->tenant(id);
    REQUIRE(stored.has_value() == model_.contains(id));
    if (!stored) return;
    const ModelTenant& tenant = model_[id];
    CHECK(stored->state == tenant.state);
    CHECK(stored->quota.max_vms.value == tenant.max_vms);
    CHECK(stored->used.vms.value == std::ssize(tenant.vms));
    CHECK(stored->used.storage.value == tenant.disk_gb());
    CHECK(stored->used.ram.value == tenant.ram_mb());
    const Recount counts = reader_->recount(id);
    CHECK(counts.counters == counts.rows);
    CHECK(counts.head == tenant.leaves);
    CHECK(counts.leaves == tenant.leaves);
    for (const Vm& vm : reader_->vms(id, {.limit = 1000})) {
      REQUIRE(tenant.vms.contains(vm.id.text()));
      CHECK(vm.wish == tenant.vms.at(vm.id.text()).wish);
    }
    for (const IssuedToken& token : reader_->tokens(id, {.limit = 1000})) {
      CHECK(token.revoked_at.has_value() == tenant.tokens.at(encode_base64url(token.id)));
    }
    check_log(id);
  }

  void check_log(const TenantId& id) {
    Instant last{};
    std::uint64_t seq = 0;
    for (const Leaf& leaf : reader_->leaves(id, {})) {
      CHECK(leaf.seq == seq++);
      CHECK(leaf.ts >= last);
      CHECK(leaf.hash == ledger::leaf_hash(as_bytes(leaf.bytes)));
      last = leaf.ts;
    }
  }

  SeededRandom chance_;
  SeededRandom random_;
  TestFolder folder_;
  ManualClock clock_{instant_from_s(1'790'000'000)};
  TestKeyPlace issuer_{Bytes<32>{1}, clock_};
  const PublicKey holder_ = PrivateKey::from_seed(Bytes<32>{2}).public_key();
  const Bytes<32> master_seed_{3};
  const Deployment deployment_{
      .issuer = "http://127.0.0.1:9221", .audience = "cadastre:sim", .ledger_host = "127.0.0.1"};
  const Keys keys_{issuer_.keyring(), master_seed_};
  Services services_{clock_, random_, deployment_, keys_};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Reader> reader_;
  Model model_;
  int step_ = 0;
};

TEST_CASE("random verbs on a store that fails now and then leave rows, counters and ledger as the model says") {
  std::vector<std::uint64_t> seeds{1, 2, 3, 4};
  if (const char* const chosen = std::getenv("CADASTRE_TEST_SEED")) seeds = {std::strtoull(chosen, nullptr, 10)};
  for (const std::uint64_t seed : seeds) {
    CAPTURE(seed);
    Simulation(seed).run();
  }
}

}  // namespace
}  // namespace cadastre

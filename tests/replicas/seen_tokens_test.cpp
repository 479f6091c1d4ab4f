// What of tokens and links in use reaches the register, by several processes on one store.
#include "service/seen_tokens.h"

#include "tests/replicas/world.h"

namespace cadastre {
namespace {

constexpr std::chrono::minutes minute{1};

/// A store whose queue is full for as long as it says.
class FullStore final : public Store {
 public:
  explicit FullStore(Store& store) : store_(store) {}
  std::unique_ptr<Reader> open_reader() override { return store_.open_reader(); }
  bool submit(Change change) override { return !is_full && store_.submit(std::move(change)); }
  void subscribe(ChangeFeed&) override {}
  bool feed_is_exact() const override { return true; }
  std::chrono::milliseconds feed_age() const override { return {}; }
  StoreFigures figures() const override { return store_.figures(); }
  void stop() override {}
  bool is_full = false;

 private:
  Store& store_;
};

struct SeenWorld : SharedWorld {
  SeenWorld() : SharedWorld(600) {}

  IssuedToken issued() const { return store->open_reader()->tokens(acme, {}).at(0); }
  /// Whoever comes with the world's token and `links` links below it.
  Caller holder(std::uint8_t links = 0) const {
    Caller caller = platform();
    caller.tenant = caller.home = acme;
    caller.scope = Scope::tenant_admin();
    caller.rids = {issued().rid};
    for (std::uint8_t i = 1; i <= links; ++i) {
      SeenLink link{.tenant = acme, .rid = RevocationId{i}, .id = "link", .parent = caller.rids.front(), .depth = i};
      link.root = issued().rid;
      link.scope = "READ";
      caller.rids.insert(caller.rids.begin(), link.rid);
      caller.links.push_back(link);
    }
    caller.elements = caller.rids.size();
    return caller;
  }
  /// Until everything that was submitted before is kept: one lane, in its order.
  void settle() {
    REQUIRE(transact(*store, acme, [](Tx&) -> Result<bool> { return true; }));
  }
  std::vector<Leaf> seen_leaves() const {
    return store->open_reader()->leaves(acme, {.types = {EventType::token_link_seen}});
  }
};

TEST_CASE("the first use of a token is told, and then one an hour") {
  SeenWorld world;
  const Instant noon = instant_from_s(s_since_epoch(world.clock.now()));
  SeenTokens seen;
  CHECK(!world.issued().first_seen);
  for (const auto& [after, last] : {std::pair{0 * minute, 0 * minute},
                                    {30 * minute, 0 * minute},
                                    {59 * minute, 0 * minute},
                                    {60 * minute, 60 * minute},
                                    {61 * minute, 60 * minute}}) {
    seen.note(world.holder(), noon + after);
    seen.tell(*world.store);
    world.settle();
    CHECK(world.issued().first_seen == noon);
    CHECK(world.issued().last_seen == noon + last);
  }
}

TEST_CASE("a link that several processes see is one row and one entry") {
  SeenWorld world;
  const Instant noon = instant_from_s(s_since_epoch(world.clock.now()));
  SeenTokens here;
  SeenTokens there;
  const auto revision = world.store->open_reader()->tenant(world.acme)->revision;
  here.note(world.holder(1), noon);
  there.note(world.holder(2), noon + minute);
  for (SeenTokens* const process : {&here, &there}) process->tell(*world.store);
  world.settle();
  const auto links = world.store->open_reader()->links(world.acme, {});
  REQUIRE(links.size() == 2);
  CHECK(links[0].first_seen == noon);
  CHECK(links[0].last_seen == noon + minute);
  CHECK(links[1].parent == links[0].rid);
  CHECK(links[1].first_seen == noon + minute);
  CHECK(world.seen_leaves().size() == 2);
  CHECK(world.issued().last_seen == noon + minute);
  CHECK(world.store->open_reader()->tenant(world.acme)->revision == revision);
}

TEST_CASE("a use that the store does not take is told at a later one") {
  SeenWorld world;
  const Instant noon = instant_from_s(s_since_epoch(world.clock.now()));
  FullStore store(*world.store);
  SeenTokens seen;
  store.is_full = true;
  seen.note(world.holder(1), noon);
  seen.tell(store);
  store.is_full = false;
  seen.tell(store);
  world.settle();
  CHECK(!world.issued().first_seen);
  seen.note(world.holder(1), noon + minute);
  seen.tell(store);
  world.settle();
  CHECK(world.issued().first_seen == noon + minute);
  CHECK(world.seen_leaves().size() == 1);
}

TEST_CASE("nothing is told of a token that the register does not know, nor in a tenant that is deleted") {
  SeenWorld world;
  SeenTokens seen;
  Caller stranger = world.holder();
  stranger.rids = {RevocationId{99}};
  seen.note(stranger, world.clock.now());
  seen.tell(*world.store);
  REQUIRE(transact(*world.store, world.acme, [&](Tx& tx) -> Result<bool> {
    auto tenant = tx.tenant(world.acme).value();
    tenant.state = TenantState::deleted;
    tx.update(tenant);
    return true;
  }));
  seen.note(world.holder(1), world.clock.now());
  seen.tell(*world.store);
  world.settle();
  CHECK(!world.issued().first_seen);
  CHECK(world.seen_leaves().empty());
}

}  // namespace
}  // namespace cadastre

// A session from its challenge to its end, by the clock, as two threads that keep what they know apart see it.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/test_folder.h"
#include "http/authenticate.h"
#include "service/sessions.h"
#include "service/test_key_place.h"
#include "service/tokens.h"
#include "store/sqlite/sqlite_store.h"
#include "token/session_proof.h"

namespace cadastre {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const TenantId acme = TenantId::parse("acme").value();

/// A server without its sockets: one tenant, and a token of it whose key is here.
class World {
 public:
  template <class Body>
  auto write(const TenantId& id, Body body) {
    using Answer = decltype(body(std::declval<Tx&>()));
    if constexpr (std::is_void_v<Answer>) {
      REQUIRE(transact(*store, id, [&](Tx& tx) -> Result<int> { return body(tx), 0; }).has_value());
    } else {
      return *transact(*store, id, [&](Tx& tx) -> Result<Answer> { return body(tx); });
    }
  }

  World() {
    for (const TenantId& id : {TenantId::platform(), acme}) {
      write(id, [&](Tx& tx) {
        Tenant tenant{.id = id, .created_at = clock.now()};
        tenant.quota.api_rate = RequestsPerMinute{1'000'000};
        tx.insert(tenant);
        if (id.is_platform()) tx.put(place.registered());
      });
    }
    store->subscribe(gates);
    const Caller platform{.tenant = TenantId::platform(),
                          .home = TenantId::platform(),
                          .scope = Scope::platform_admin(),
                          .token_id = "admin",
                          .rids = {RevocationId{1}},
                          .expires_at = clock.now() + hours(24)};
    const TokenOrder order{
        .tenant = acme, .subject_key = holder.public_key(), .scope = Scope::tenant_admin(), .expires_in_s = 86'400};
    token = write(acme, [&](Tx& tx) { return issue_token(tx, services, platform, order).value().text; });
  }

  /// What comes of a read with the credential, in a thread that keeps this cache: `ok` or the reason.
  std::string use(std::string_view credential, http::TokenCache& cache) {
    const auto who = ask(credential, cache);
    return who.refusal ? who.refusal->subject : "ok";
  }
  std::string use(std::string_view credential) {
    http::TokenCache fresh;
    return use(credential, fresh);
  }

  /// Who comes with the credential.
  Caller caller(std::string_view credential) {
    http::TokenCache fresh;
    return ask(credential, fresh).known->caller;
  }

  std::string proof(const Bytes<32>& nonce, const PrivateKey& key) {
    return make_session_proof({.audience = deployment.audience, .holder = {}, .rid = caller(token).rids.front()}, nonce,
                              key, Bytes<16>{1}, clock.now());
  }
  Bytes<32> challenge() {
    return write(acme, [&](Tx& tx) { return challenge_session(tx, services, caller(token)).value().nonce; });
  }
  /// The session, the detail of a wrong proof, or the subject of another refusal.
  std::variant<FreshSession, std::string> try_to_open(SessionOrder order) {
    const Caller asking = caller(token);
    return write(acme, [&](Tx& tx) -> std::variant<FreshSession, std::string> {
      auto outcome = open_session(tx, services, asking, order);
      if (!outcome) return outcome.error().subject == "proof" ? outcome.error().detail : outcome.error().subject;
      if (const auto* wrong = std::get_if<WrongProof>(&*outcome)) return wrong->refusal.detail;
      return std::get<FreshSession>(*outcome);
    });
  }
  FreshSession open(std::int64_t idle_s, std::int64_t lifetime_s = 28'800) {
    return std::get<FreshSession>(
        try_to_open({.proof = proof(challenge(), holder), .idle_s = idle_s, .lifetime_s = lifetime_s}));
  }

  /// Waits until what was queued for the tenant is done.
  void settle() {
    write(acme, [](Tx&) {});
  }
  std::optional<Session> row(const FreshSession& session) {
    return store->open_reader()->session(acme, session.record.id);
  }
  /// The facts of the newest entry.
  std::string last_entry() {
    const auto leaves = store->open_reader()->leaves(acme, {.order = Order::descending, .limit = 1});
    return leaves.front().bytes.substr(leaves.front().bytes.find("\"data\""));
  }

  TestFolder folder;
  ManualClock clock{instant_from_s(1'800'000'000)};
  SeededRandom random{1};
  PrivateKey holder = PrivateKey::from_seed(Bytes<32>{2});
  PrivateKey stranger = PrivateKey::from_seed(Bytes<32>{3});
  TestKeyPlace place{Bytes<32>{4}, clock};
  Deployment deployment{.issuer = "https://c.example", .audience = "cadastre:test", .ledger_host = "c.example"};
  Bytes<32> master_seed{5};
  Keys keys{place.keyring(), master_seed};
  Services services{clock, random, deployment, keys};
  TenantGates gates{1'000'000};
  std::unique_ptr<Store> store = open_sqlite_store({.directory = folder / "store"});
  std::unique_ptr<Reader> reader = store->open_reader();
  http::Authenticator authenticator{
      {.issuer = deployment.issuer, .audience = deployment.audience, .service = "vm-tenant"},
      place.keyring(),
      gates,
      *store,
      clock,
      {deployment.issuer},
      1'000'000};
  std::string token;

 private:
  http::Authentication ask(std::string_view credential, http::TokenCache& cache) {
    const std::string bytes =
        fmt::format("GET /v1/vms HTTP/1.1\r\nHost: c.example\r\nAuthorization: Bearer {}\r\n\r\n", credential);
    const http::Request request{http::parse_head(bytes).value(), "", "192.0.2.1", false};
    return authenticator.authenticate(request, http::find_route("GET", "/v1/vms"), cache, *reader);
  }
};

TEST_CASE("a session that nobody uses ends when the limit and one interval of notes have passed") {
  World world;
  const FreshSession session = world.open(900);
  world.clock.advance(seconds(960) - milliseconds(1));
  CHECK(!has_ended(*world.row(session), world.clock.now()));
  world.clock.advance(milliseconds(1));
  CHECK(world.use(session.credential) == "session_ended");
}

TEST_CASE("a session is not idle as long as some thread uses it, whatever another thread remembers") {
  World world;
  const FreshSession session = world.open(10);
  http::TokenCache busy;
  http::TokenCache quiet;
  CHECK(world.use(session.credential, quiet) == "ok");
  for (int use = 0; use < 9; ++use) {
    world.clock.advance(seconds(5));
    CHECK(world.use(session.credential, busy) == "ok");
    world.settle();
  }
  CHECK(world.use(session.credential, quiet) == "ok");  // it read the session 45 s ago
  world.settle();
  world.clock.advance(seconds(11) - milliseconds(1));
  CHECK(world.use(session.credential, quiet) == "ok");
  world.settle();
  world.clock.advance(seconds(11));
  CHECK(world.use(session.credential, busy) == "session_ended");
  CHECK(world.use(session.credential, quiet) == "session_ended");
}

TEST_CASE("uses are noted once in an interval, and never wait for it") {
  World world;
  const FreshSession session = world.open(900);
  http::TokenCache cache;
  const auto seen_s = [&] {
    world.settle();
    return (world.row(session)->seen_at - session.record.opened_at) / seconds(1);
  };
  for (int second = 0; second < 59; ++second) {
    world.clock.advance(seconds(1));
    CHECK(world.use(session.credential, cache) == "ok");
  }
  CHECK(seen_s() == 0);
  world.clock.advance(seconds(1));
  CHECK(world.use(session.credential, cache) == "ok");
  CHECK(seen_s() == 60);
  world.clock.advance(seconds(30));
  CHECK(world.use(session.credential, cache) == "ok");
  CHECK(seen_s() == 60);
}

TEST_CASE("a session ends with its life, however busy it is, and its token goes on") {
  World world;
  const FreshSession session = world.open(60, 600);
  http::TokenCache cache;
  for (int use = 0; use < 60; ++use) {
    CHECK(world.use(session.credential, cache) == "ok");
    world.settle();
    world.clock.advance(seconds(10));
  }
  CHECK(world.use(session.credential, cache) == "session_ended");
  CHECK(world.use(world.token) == "ok");
}

TEST_CASE(
    "a session's row is swept with its entry: at once after its life, when no one can believe in it after idleness") {
  World world;
  const FreshSession old = world.open(600, 600);
  const FreshSession idle = world.open(60);
  const auto sweep = [&](const FreshSession& session) {
    return world.write(acme, [&](Tx& tx) { return sweep_session(tx, acme, session.record.id, world.clock.now()); });
  };
  world.clock.advance(seconds(66 + 120) - milliseconds(1));
  CHECK(!sweep(idle));
  CHECK(world.row(idle));
  world.clock.advance(milliseconds(1));
  CHECK(sweep(idle));
  CHECK(!world.row(idle));
  CHECK(world.last_entry().find(R"("duration_s":66,"reason":"idle")") != std::string::npos);
  CHECK(!sweep(idle));
  CHECK(!sweep(old));
  world.clock.advance(minutes(10));
  CHECK(sweep(old));
  CHECK(world.last_entry().find(R"("duration_s":600,"reason":"expired")") != std::string::npos);
}

TEST_CASE("a session that is closed is refused at once by every cache and inside every transaction") {
  World world;
  const FreshSession session = world.open(900);
  const FreshSession other = world.open(900);
  http::TokenCache caches[2];
  for (auto& cache : caches) CHECK(world.use(session.credential, cache) == "ok");
  const Caller before = world.caller(session.credential);
  const auto readmitted = [&](const Caller& caller) {
    return world.write(acme, [&](Tx& tx) {
      const auto holds = readmit(tx, caller, world.clock.now());
      return holds ? std::string("ok") : holds.error().subject;
    });
  };
  CHECK(readmitted(before) == "ok");
  world.write(acme, [&](Tx& tx) {
    CHECK(close_session(tx, world.services, world.caller(world.token), acme, encode_base64url(session.record.id)));
  });
  CHECK(readmitted(before) == "session_ended");
  for (auto& cache : caches) CHECK(world.use(session.credential, cache) == "session_ended");
  CHECK(world.use(session.credential) == "session_ended");
  CHECK(world.use(other.credential, caches[0]) == "ok");
  CHECK(readmitted(world.caller(other.credential)) == "ok");
  CHECK(world.use(world.token) == "ok");
}

TEST_CASE("a challenge is good for 300 s, once, and for five wrong proofs") {
  World world;
  const std::string gone = "proof does not hold: its nonce is of no open challenge of this token; ask for another";
  const auto answer = [&](const std::string& proof) {
    const auto outcome = world.try_to_open({.proof = proof});
    return std::holds_alternative<std::string>(outcome) ? std::get<std::string>(outcome) : "ok";
  };
  Bytes<32> nonce = world.challenge();
  world.clock.advance(seconds(300) - milliseconds(1));
  CHECK(answer(world.proof(nonce, world.holder)) == "ok");
  CHECK(answer(world.proof(nonce, world.holder)) == gone);
  nonce = world.challenge();
  world.clock.advance(seconds(300));
  CHECK(answer(world.proof(nonce, world.holder)) == gone);
  nonce = world.challenge();
  for (int wrong = 0; wrong < 4; ++wrong) {
    CHECK(answer(world.proof(nonce, world.stranger)) == "proof does not hold: session_signature");
  }
  CHECK(answer(world.proof(nonce, world.holder)) == "ok");
  nonce = world.challenge();
  for (int wrong = 0; wrong < 5; ++wrong) {
    CHECK(answer(world.proof(nonce, world.stranger)) == "proof does not hold: session_signature");
  }
  CHECK(answer(world.proof(nonce, world.holder)) == gone);
}

TEST_CASE("a namespace has a thousand sessions at most, and room again when some are over") {
  World world;
  const FreshSession session = world.open(900, 3600);
  world.write(acme, [&](Tx& tx) {
    for (std::size_t i = 1; i < sessions_max; ++i) {
      Session another = session.record;
      another.id = {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8U), 0xFF};
      tx.put(another);
    }
  });
  const auto opened = [&] {
    const auto outcome = world.try_to_open({.proof = world.proof(world.challenge(), world.holder)});
    return std::holds_alternative<FreshSession>(outcome) ? "ok" : std::get<std::string>(outcome);
  };
  CHECK(opened() == "session");
  world.clock.advance(hours(1));
  CHECK(opened() == "ok");
  CHECK(world.store->open_reader()->sessions(acme, {}).size() == 1);
}

}  // namespace
}  // namespace cadastre

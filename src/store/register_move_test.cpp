#include "store/register_move.h"

#include <doctest/doctest.h>

#include "base/test_folder.h"
#include "store/contract_test.h"
#include "store/open_store.h"
#include "store/postgresql/test_cluster.h"

using namespace cadastre;

namespace {

constexpr std::size_t all = 1000;

void fill_access(Tx& tx) {
  const TenantId acme = id_of("acme");
  Device pending = sample_device(acme, 2);
  pending.approved_at.reset();
  SigningKey fresh = sample_signing_key(2);
  fresh.activated_at = fresh.retired_at = fresh.revoked_at = std::nullopt;
  tx.put(sample_device(acme, 1));
  tx.put(pending);
  Node silent = sample_node(acme, 2);
  silent.last_heartbeat.reset();
  tx.put(sample_node(acme, 1));
  tx.put(silent);
  Image bare = sample_image(acme, 2);
  bare.facts.initrd.reset();
  tx.put(sample_image(acme, 1));
  tx.put(bare);
  tx.put(sample_ssh_key(acme, 1));
  tx.put(sample_vm_console(acme, 1));
  tx.put(sample_challenge(acme, 1));
  tx.put(sample_session(acme, 1));
  tx.put(sample_link(acme, 1));
  tx.set_counter(acme, CounterKind::uses, filled<32>(1), 5, noon);
  RateBudget rate;
  rate.admit(9, noon);
  tx.set_caveat_rate(acme, filled<32>(1), rate, noon);
  tx.put(sample_signing_key(1));
  tx.put(fresh);
}

/// A register with every kind of row, members that are set and members that are not.
void fill(const std::string& folder) {
  const auto store = open_store(store_in_folder(folder));
  register_tenant(*store, "");
  register_tenant(*store, "acme");
  change(*store, id_of("acme"), [](Tx& tx) {
    for (std::uint32_t number = 1; number <= 3; ++number) create_vm(tx, id_of("acme"), number);
    tx.insert(sample_token(id_of("acme"), 1));
    tx.insert(sample_token(id_of("acme"), 2));
    tx.mark_revoked(id_of("acme"), sample_token(id_of("acme"), 2).id, noon, "somebody");
    tx.insert(Revocation{.tenant = id_of("acme"), .kind = RevocationKind::token, .id = {3}, .revoked_at = noon});
    tx.record(id_of("acme"), sample_answer(1, noon + std::chrono::hours(1)));
    tx.set_setting("issuer", "http://here");
    tx.mark_seen(id_of("acme"), sample_token(id_of("acme"), 1).id, noon);
    fill_access(tx);
    Vm bare = sample_vm(id_of("acme"), 1);
    bare.node_id.clear();
    bare.started_at.reset();
    bare.error.clear();
    bare.charged_to = {filled<32>(6)};
    tx.update(bare);
  });
  store->stop();
}

void add_words_of_access(std::vector<std::string>& words, Reader& reader) {
  const TenantId acme = id_of("acme");
  for (const Device& device : reader.devices(acme, {.limit = all})) words.push_back(words_of(device));
  for (const Node& node : reader.nodes(acme, {.limit = all})) words.push_back(words_of(node));
  for (const Image& image : reader.images(acme, {.limit = all})) words.push_back(words_of(image));
  for (const SshKey& key : reader.ssh_keys(acme, {.limit = all})) words.push_back(words_of(key));
  words.push_back(words_of(reader.vm_console(acme, sample_vm_console(acme, 1).vm).value()));
  words.push_back(words_of(reader.challenge(acme, sample_challenge(acme, 1).id).value()));
  for (const Session& session : reader.sessions(acme, {.limit = all})) words.push_back(words_of(session));
  for (const SeenLink& link : reader.links(acme, {.limit = all})) words.push_back(words_of(link));
  words.push_back(std::to_string(reader.counter(acme, CounterKind::uses, filled<32>(1))));
  words.push_back(reader.caveat_rate(acme, filled<32>(1)).encode());
  for (const SigningKey& key : reader.signing_keys()) words.push_back(words_of(key));
}

/// Everything that a reader can be asked about acme.
std::vector<std::string> words_of_register(const std::string& setting) {
  const auto reader = open_store_reader(setting);
  const TenantId acme = id_of("acme");
  std::vector<std::string> words = {
      words_of(reader->tenant(id_of("")).value()), words_of(reader->tenant(acme).value()),
      reader->setting("issuer").value(),
      words_of(reader->idempotent_answer(acme, sample_answer(1, noon).key, noon).value())};
  for (const Vm& vm : reader->vms(acme, {.limit = all})) words.push_back(words_of(vm));
  for (const IssuedToken& token : reader->tokens(acme, {.limit = all})) words.push_back(words_of(token));
  for (const Leaf& leaf : reader->leaves(acme, {.limit = all})) {
    words.push_back(fmt::format("{} {} {} {}", leaf.seq, ms_since_epoch(leaf.ts), encode_hex(leaf.hash), leaf.bytes));
  }
  add_words_of_access(words, *reader);
  words.push_back(reader->is_revoked(acme, RevocationKind::token, {3}) ? "revoked" : "good");
  for (const LogState& log : reader->unpublished_logs(all)) words.push_back("unpublished " + log.tenant.text());
  CHECK(agrees(reader->recount(acme)));
  return words;
}

MoveFigures move(const std::string& from, const std::string& to, const std::string& ledger) {
  TileFolder files(ledger);
  return RegisterMove(from, to).run(files, [](std::string_view, std::uint64_t) {});
}

}  // namespace

TEST_CASE("a register that was moved is the same to a reader, and can be moved once") {
  const TestFolder folder;
  const std::string from = store_in_folder(folder / "data");
  const std::string ledger = folder / "ledger";
  const postgresql::TestSchema place;
  fill(folder / "data");
  const auto before = words_of_register(from);
  const MoveFigures moved = move(from, place.url(), ledger);
  CHECK(moved.logs == 2);
  CHECK(moved.leaves == 5);
  CHECK(words_of_register(place.url()) == before);
  CHECK_THROWS_WITH_AS(move(from, place.url(), ledger), doctest::Contains("and all of it is there"), StoreFailure);
  CHECK_THROWS_AS(open_store(from), StoreFailure);

  fill(folder / "other");
  CHECK_THROWS_WITH_AS(move(store_in_folder(folder / "other"), place.url(), ledger),
                       doctest::Contains("holds a register already"), StoreFailure);
  CHECK(words_of_register(place.url()) == before);
}

TEST_CASE("a move that is given up leaves both ends as they were") {
  const TestFolder folder;
  const std::string from = store_in_folder(folder / "data");
  const postgresql::TestSchema place;
  fill(folder / "data");
  const auto before = words_of_register(from);
  {
    RegisterMove never_run(from, place.url());
  }
  CHECK(words_of_register(from) == before);
  open_store(place.url())->stop();  // makes the tables
  place.sql("ALTER TABLE vm ADD CHECK (disk_gb > 1000)");
  CHECK_THROWS_AS(move(from, place.url(), folder / "ledger"), StoreFailure);
  CHECK(words_of_register(from) == before);
  CHECK(place.sql("SELECT count(*) FROM tenant") == "0");
  open_store(from)->stop();
}

TEST_CASE("a register is moved from SQLite to PostgreSQL, and no other way") {
  const std::string sqlite = store_in_folder("x");
  const std::string postgresql = "postgresql:///x";
  CHECK_FALSE(fault_of_move(sqlite, postgresql));
  CHECK_FALSE(fault_of_move(sqlite, "postgres:///x"));
  const std::pair<std::string, std::string> wrong[] = {
      {sqlite, sqlite},  {postgresql, sqlite}, {postgresql, postgresql},
      {"x", postgresql}, {sqlite, "x"},        {"sqlite:", postgresql},
      {"", ""},          {sqlite, ""}};
  for (const auto& [from, to] : wrong) {
    CAPTURE(from);
    CAPTURE(to);
    CHECK(fault_of_move(from, to));
  }
}

// service-fs, as a program, on a data directory that the store and the publisher have made.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/json.h"
#include "base/test_folder.h"
#include "ledger/log_key.h"
#include "service/publisher.h"
#include "store/files/high_water_file.h"
#include "store/files/tile_folder.h"
#include "store/sqlite/sqlite_store.h"

namespace cadastre {
namespace {

constexpr Bytes<32> master_seed{7};
constexpr std::string_view host = "ledger.example";

TenantId tenant_of(std::string_view name) {
  return name == "platform" ? TenantId::platform() : TenantId::parse(name).value();
}

/// A data directory with the platform's log and two tenants'.
class World {
 public:
  World() {
    store_ = open_sqlite_store({.directory = folder_ / ""});
    for (const char* name : {"platform", "acme-corp", "globex"}) create(name);
    for (int i = 0; i < 300; ++i) append("acme-corp", EventType::vm_created, i);
    append("globex", EventType::vm_created, 0);
    publish();
  }

  void append(std::string_view name, EventType type, std::int64_t number) {
    const Event event{.type = type,
                      .tenant = tenant_of(name),
                      .actor = {"tenant-admin", fmt::format("token-{}", number % 2), "subject"},
                      .request_id = fmt::format("request-{}", number),
                      .data = {{"vm_id", fmt::format("vm-{}", number)}}};
    clock_.advance(std::chrono::seconds(1));
    const auto answer = transact(*store_, event.tenant,
                                 [&](Tx& tx) -> Result<std::uint64_t> { return tx.append(event, clock_.now()); });
    REQUIRE(answer);
  }

  void publish() {
    TileFolder tiles(folder_ / "ledger");
    HighWaterFile marks(folder_ / "high-water");
    Publisher publisher(*store_, tiles, marks, clock_, master_seed);
    REQUIRE(publisher.publish_round().empty());
    publisher.stop();
  }

  /// Stops the store, as a server that ended.
  void close() {
    store_->stop();
    store_.reset();
  }

  /// Changes the database behind the store's back.
  void tamper(const std::string& sql) {
    if (store_) close();
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open((folder_ / "cadastre.db").c_str(), &db) == SQLITE_OK);
    const std::string all =
        "DROP TRIGGER ledger_leaf_is_never_updated; DROP TRIGGER ledger_leaf_is_never_deleted;" + sql;
    char* fault = nullptr;
    CHECK_MESSAGE(sqlite3_exec(db, all.c_str(), nullptr, nullptr, &fault) == SQLITE_OK, fault);
    sqlite3_close(db);
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::string log_path(const std::string& tenant, const std::string& file) const {
    return path("ledger/logs/" + log_id(tenant) + "/" + file);
  }
  std::string log_id(const std::string& tenant) const { return encode_hex(log_ids_.at(tenant)); }
  std::string vkey(const std::string& tenant) const {
    const std::string origin = ledger::log_origin(host, tenant_of(tenant));
    return ledger::log_verifier(origin, ledger::log_key(master_seed, origin, 0)).encode();
  }

 private:
  void create(const std::string& name) {
    Tenant tenant{.id = tenant_of(name)};
    tenant.log_id = LogId{static_cast<std::uint8_t>(log_ids_.size() + 1)};
    tenant.display_name = name;
    tenant.created_at = tenant.updated_at = clock_.now();
    log_ids_[name] = tenant.log_id;
    tenant.vkey = vkey(name);
    const auto answer = transact(*store_, tenant.id, [&](Tx& tx) -> Result<int> {
      tx.insert(tenant);
      return 0;
    });
    REQUIRE(answer);
    append(name, name == "platform" ? EventType::key_rotated : EventType::tenant_created, 1000);
  }

  TestFolder folder_;
  ManualClock clock_{instant_from_ms(1'790'000'000'000)};
  std::map<std::string, LogId> log_ids_;
  std::unique_ptr<Store> store_;
};

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

Outcome run(const World& world, const std::string& arguments) {
  const std::string command =
      fmt::format("env -u CADASTRE_STORE -u CADASTRE_URL CADASTRE_DATA_DIR='{0}' '{1}' {2} >'{0}/out' 2>'{0}/err'",
                  world.path("."), SERVICE_FS, arguments);
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, bytes_of(world.path("out")), bytes_of(world.path("err"))};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the guide's question is answered from the running server's store") {
  const World world;
  const auto answer = run(world, "read --filter tenant-id=acme-corp --event-type TENANT_CREATED --limit 1");
  CHECK(answer.code == 0);
  const auto lines = lines_of(answer.out);
  REQUIRE(lines.size() == 2);
  const auto entry = json::parse(lines[0], 8).value.value();
  CHECK(entry.find("type")->text == "TENANT_CREATED");
  CHECK(entry.find("actor")->find("token_id")->text == "token-0");
  CHECK(entry.find("ts")->integer().has_value());
  CHECK(entry.find("proof")->find("status")->text == "included");
  CHECK(entry.find("proof")->find("checkpoint_size")->integer() == 301);
  CHECK(json::parse(lines[1], 8).value.value().find("proven")->find("matches")->integer() == 1);
}

TEST_CASE("entries are picked by every condition") {
  const World world;
  struct Row {
    const char* arguments;
    int code;
    std::size_t entries;
    std::string_view first;  ///< Part of the first entry.
  };
  const Row rows[] = {
      {"--filter tenant-id=acme-corp", 0, 301, "\"seq\":0,"},
      {"--filter tenant-id=acme-corp --limit 5 --order desc", 0, 5, "\"seq\":300,"},
      {"--filter tenant-id=acme-corp --from 10 --to 12", 0, 3, "\"seq\":10,"},
      {"--filter tenant-id=acme-corp --from 10 --to 12 --complete", 0, 3, "\"seq\":10,"},
      {"--filter tenant-id=acme-corp --limit 2 --order desc --complete", 0, 2, "\"seq\":300,"},
      {"--filter tenant-id=acme-corp --filter vm-id=vm-7", 0, 1, "\"seq\":8,"},
      {"--filter tenant-id=acme-corp --filter request-id=request-9 --filter vm-id=vm-9", 0, 1, "\"seq\":10,"},
      {"--filter tenant-id=acme-corp --filter token-id=token-1", 0, 150, "\"seq\":2,"},
      {"--filter tenant-id=acme-corp --filter actor=tenant-admin --limit 3", 0, 3, "\"seq\":0,"},
      {"--filter tenant-id=acme-corp --filter vm-id=vm-7 --filter request-id=request-8", 4, 0, ""},
      {"--filter tenant-id=acme-corp --event-type VM_DELETED", 4, 0, ""},
      {"--filter tenant-id=acme-corp --event-type VM_DELETED --complete", 4, 0, ""},
      {"--filter tenant-id=acme-corp --since 2100-01-01", 4, 0, ""},
      {"--filter tenant-id=acme-corp --until 2100-01-01 --limit 1", 0, 1, "\"seq\":0,"},
      {"--event-type TENANT_CREATED", 0, 2, "\"tenant_id\":\"acme-corp\""},
      {"--log platform", 0, 1, "KEY_ROTATED"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.arguments);
    const auto answer = run(world, std::string("read ") + row.arguments);
    CHECK(answer.code == row.code);
    const auto lines = lines_of(answer.out);
    REQUIRE(lines.size() == row.entries + 1);
    CHECK(has(lines[0], row.first));
  }
}

TEST_CASE("a table is for people") {
  const World world;
  const auto answer = run(world, "read --filter tenant-id=globex --format table");
  CHECK(answer.code == 0);
  const auto lines = lines_of(answer.out);
  REQUIRE(lines.size() == 4);
  CHECK(has(lines[0], "SEQ"));
  CHECK(has(lines[1], "2026-09-21T"));
  CHECK(has(lines[1], "TENANT_CREATED"));
  CHECK(has(lines[3], "2 entries, included under the signed checkpoint of size 2 of globex"));
}

TEST_CASE("what is not yet published says so") {
  World world;
  world.append("globex", EventType::vm_stopped, 5);
  const auto answer = run(world, "read --filter tenant-id=globex --event-type VM_STOPPED --publish-interval-ms 10");
  CHECK(answer.code == 0);
  CHECK(has(answer.out, "\"status\":\"pending\""));
  CHECK(has(answer.out, "1 pending"));
  const auto complete =
      run(world, "read --filter tenant-id=globex --limit 2 --order desc --complete --publish-interval-ms 10");
  CHECK(complete.code == 0);
  CHECK(has(lines_of(complete.out)[0], "\"status\":\"pending\""));
  CHECK(has(lines_of(complete.out)[1], "\"status\":\"included\""));
  CHECK(has(complete.out, "1 pending"));
  CHECK(run(world, "prove 2 --filter tenant-id=globex --publish-interval-ms 10").code == 4);
  CHECK(run(world, "verify --full").code == 0);
}

TEST_CASE("a first publication whose checkpoint is not in its place yet can be read") {
  World world;
  std::filesystem::remove(world.log_path("globex", "checkpoint"));
  const auto answer = run(world, "read --filter tenant-id=globex --event-type TENANT_CREATED");
  CHECK_MESSAGE(answer.code == 0, answer.err);
  CHECK(has(answer.out, "\"status\":\"included\""));
  CHECK(run(world, "verify --log globex").code == 1);
}

TEST_CASE("a first publication that was cut off is no finding, however much is verified; one that came to its end is") {
  const char* const extents[] = {"", "--full", "--edge", "--from 0 --to 1", "--from 1"};
  World world;
  std::filesystem::remove(world.log_path("globex", "checkpoint"));
  for (const char* extent : extents) CHECK(run(world, fmt::format("verify --log globex {}", extent)).code == 1);
  std::string marks;
  for (const std::string& line : lines_of(bytes_of(world.path("high-water")))) {
    if (!line.starts_with(world.log_id("globex")) || !line.ends_with("settled")) marks += line + '\n';
  }
  write_bytes(world.path("high-water"), marks);
  for (const char* extent : extents) {
    CAPTURE(extent);
    const auto answer = run(world, fmt::format("verify --log globex {}", extent));
    CHECK_MESSAGE(answer.code == 0, answer.err);
  }
}

TEST_CASE("an untouched store verifies, running or stopped, at the edge, in full and in part") {
  World world;
  for (const bool is_closed : {false, true}) {
    if (is_closed) world.close();
    for (const char* arguments :
         {"", "--full", "--edge", "--log acme-corp --from 5 --to 290", "--filter tenant-id=globex"}) {
      CAPTURE(arguments);
      const auto answer = run(world, std::string("verify ") + arguments);
      CHECK_MESSAGE(answer.code == 0, answer.err);
      CHECK(has(answer.out, "\"holds\":true"));
    }
  }
  CHECK(lines_of(run(world, "verify").out).size() == 3);
}

TEST_CASE("reading changes nothing in the data directory") {
  World world;
  const auto snapshot = [&] {
    std::map<std::string, std::string> files;
    for (const auto& file : std::filesystem::recursive_directory_iterator(world.path("."))) {
      const std::string name = file.path().filename().string();
      // SQLite's shared memory is a lock table that every reader marks; `out` and `err` are this test's.
      if (!file.is_regular_file() || name == "cadastre.db-shm" || name == "out" || name == "err") continue;
      files[file.path().string()] = bytes_of(file.path().string());
    }
    return files;
  };
  const auto before = snapshot();
  for (const char* arguments : {"read", "verify", "vkey", "checkpoint --log globex", "tail --log globex"}) {
    CHECK(run(world, arguments).code == 0);
  }
  CHECK(snapshot() == before);
}

TEST_CASE("tampering is found, with the log and the index") {
  struct Row {
    const char* name;
    void (*change)(World&);
    std::string_view says;
  };
  const Row rows[] = {
      {"a leaf edited",
       [](World& w) {
         w.tamper(
             "UPDATE ledger_leaf SET bytes = replace(bytes, 'vm-7', 'vm-X') WHERE tenant_id = 'acme-corp' AND seq = 8");
       },
       "log acme-corp (02000000000000000000000000000000), index 8: the leaf does not hash"},
      {"a leaf's type edited",
       [](World& w) { w.tamper("UPDATE ledger_leaf SET type = 12 WHERE tenant_id = 'acme-corp' AND seq = 8"); },
       "index 8: the leaf has another type"},
      {"the tail cut",
       [](World& w) { w.tamper("DELETE FROM ledger_leaf WHERE tenant_id = 'acme-corp' AND seq > 200"); },
       "log acme-corp (02000000000000000000000000000000), index 300: the store has no such leaf"},
      {"the tail and the head cut",
       [](World& w) {
         w.tamper(
             "DELETE FROM ledger_leaf WHERE tenant_id = 'acme-corp' AND seq > 200;"
             "UPDATE tenant_usage SET ledger_size = 201 WHERE tenant_id = 'acme-corp'");
       },
       "index 201: the store has 201 leaves"},
      {"the log deleted from the store",
       [](World& w) {
         w.tamper(
             "DELETE FROM ledger_leaf WHERE tenant_id = 'globex'; DELETE FROM tenant WHERE tenant_id = 'globex';"
             "DELETE FROM ledger_checkpoint WHERE tenant_id = 'globex'");
       },
       "log (03000000000000000000000000000000), index 0: 2 leaves were published"},
      {"the log's files deleted", [](World& w) { std::filesystem::remove_all(w.log_path("globex", "")); },
       "log globex (03000000000000000000000000000000), index "},
      {"two logs' files swapped",
       [](World& w) {
         std::filesystem::rename(w.log_path("globex", ""), w.path("swap"));
         std::filesystem::rename(w.log_path("acme-corp", ""), w.log_path("globex", ""));
         std::filesystem::rename(w.path("swap"), w.log_path("acme-corp", ""));
       },
       "log acme-corp (02000000000000000000000000000000), index "},
      {"a tile changed",
       [](World& w) {
         const std::string path = w.log_path("acme-corp", "tile/0/000");
         std::string bytes = bytes_of(path);
         bytes[32 * 9] ^= 1;
         std::filesystem::remove(path);
         write_bytes(path, bytes);
       },
       "index 9: tile/0/000 is not what the leaves give"},
      {"a usage counter changed",
       [](World& w) { w.tamper("UPDATE tenant_usage SET used_vms = 1 WHERE tenant_id = 'globex'"); },
       "log globex (03000000000000000000000000000000), index 2: the usage counters are not those of the rows: vms 1 in "
       "place of 0\n"},
      {"all others changed",
       [](World& w) {
         w.tamper(
             "UPDATE tenant_usage SET used_storage_gb = 2, used_ram_mb = 3, used_vcpus = 4 WHERE tenant_id = "
             "'globex'");
       },
       "of the rows: storage_gb 2 in place of 0, ram_mb 3 in place of 0, vcpus 4 in place of 0\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    World world;
    row.change(world);
    const auto answer = run(world, "verify --full");
    CHECK(answer.code == 1);
    CHECK_MESSAGE(has(answer.err, row.says), answer.err);
  }
}

TEST_CASE("missing high-water marks are found, as the start finds them, when all logs are verified") {
  World world;
  world.close();
  std::filesystem::remove(world.path("high-water"));
  const auto answer = run(world, "verify --edge");
  CHECK(answer.code == 1);
  CHECK(has(answer.err, "log globex (" + world.log_id("globex") + "), index 2: the high-water marks are missing"));
  CHECK(run(world, "verify --log globex").code == 0);
  write_bytes(world.path("high-water"), "");
  CHECK(run(world, "verify").code == 0);
}

TEST_CASE("an edited entry is not printed") {
  World world;
  world.tamper(
      "UPDATE ledger_leaf SET bytes = replace(bytes, 'vm-7\"', 'vm-X\"') WHERE tenant_id = 'acme-corp' AND seq = 8");
  const auto answer = run(world, "read --filter tenant-id=acme-corp --filter vm-id=vm-X");
  CHECK(answer.code == 1);
  CHECK(answer.out.empty());
  CHECK(has(answer.err, "log acme-corp (02000000000000000000000000000000), index 8: the entry is not under"));
  CHECK(run(world, "read --filter tenant-id=acme-corp --event-type TENANT_CREATED").code == 0);
  CHECK(run(world, "read --filter tenant-id=acme-corp --event-type TENANT_CREATED --complete").code == 1);
}

TEST_CASE("a proof is checked offline, with the key that the log gave") {
  const World world;
  const std::string file = world.path("entry.tlog-proof");
  CHECK(run(world, "prove 8 --filter tenant-id=acme-corp --output " + file).code == 0);
  CHECK(run(world, "prove --filter tenant-id=acme-corp 8").out == bytes_of(file));
  const auto checked = run(world, fmt::format("verify --proof {} --vkey {}", file, world.vkey("acme-corp")));
  CHECK(checked.code == 0);
  CHECK(has(checked.out, "vm-7"));
  CHECK(run(world, fmt::format("verify --proof {} --vkey {}", file, world.vkey("globex"))).code == 1);
  CHECK(run(world, "verify --proof " + file).code == 2);
  CHECK(run(world, "prove 301 --filter tenant-id=acme-corp").code == 4);
}

TEST_CASE("checkpoint and vkey print what is published") {
  World world;
  const std::string first = bytes_of(world.log_path("globex", "checkpoint"));
  CHECK(run(world, "checkpoint --log globex").out == first);
  CHECK(run(world, "checkpoint --log " + world.log_id("globex")).out == first);
  CHECK(run(world, "vkey --log globex --format table").out == world.vkey("globex") + "\n");
  CHECK(lines_of(run(world, "vkey").out).size() == 3);
  write_bytes(world.path("older"), first);
  world.append("globex", EventType::vm_deleted, 0);
  world.publish();
  const std::string second = bytes_of(world.log_path("globex", "checkpoint"));
  CHECK(run(world, "checkpoint --log globex --history").out == first + "\n" + second);
  CHECK(run(world, "verify --log globex --checkpoint " + world.path("older")).code == 0);
  CHECK(run(world, "verify --log acme-corp --checkpoint " + world.path("older")).code == 1);
  CHECK(run(world, "checkpoint").code == 2);
  CHECK(run(world, "checkpoint --log nobody").code == 4);
}

TEST_CASE("an export is the published log, or its lines") {
  const World world;
  CHECK(run(world, "export --log acme-corp " + world.path("tiles")).code == 0);
  for (const char* file : {"checkpoint", "tile/0/000", "tile/0/001.p/45", "tile/1/000.p/1", "tile/entries/000"}) {
    CAPTURE(file);
    CHECK(!bytes_of(world.path(std::string("tiles/") + file)).empty());
    CHECK(bytes_of(world.path(std::string("tiles/") + file)) == bytes_of(world.log_path("acme-corp", file)));
  }
  CHECK(run(world, "export --log acme-corp " + world.path("tiles")).code == 2);
  CHECK(run(world, "export --log globex --format jsonl " + world.path("lines")).code == 0);
  const std::string recipe = fmt::format(
      "cd '{}' && {{ printf '\\000'; grep -v '^#' ledger.jsonl | sed -n 2p | tr -d '\\n'; }} | sha256sum > hash",
      world.path("lines"));
  CHECK(std::system(recipe.c_str()) == 0);
  const std::string tile = bytes_of(world.log_path("globex", "tile/0/000.p/2"));
  CHECK(bytes_of(world.path("lines/hash")).substr(0, 64) == encode_hex(as_bytes(tile.substr(32, 32))));
}

TEST_CASE("tail goes on where its state file ended, and refuses another history") {
  World world;
  const std::string arguments = "tail --log globex --state " + world.path("state");
  CHECK(lines_of(run(world, arguments).out).size() == 2);
  CHECK(run(world, arguments).out.empty());
  world.append("globex", EventType::vm_deleted, 0);
  world.publish();
  CHECK(has(run(world, arguments).out, "VM_DELETED"));
  CHECK(lines_of(run(world, "tail --log acme-corp --limit 4").out).size() == 4);
  const std::string origin = ledger::log_origin(host, tenant_of("globex"));
  const std::string forged = ledger::sign_checkpoint({origin, 2, {}}, ledger::log_key(master_seed, origin, 0));
  write_bytes(world.path("state"), forged);
  CHECK(run(world, arguments).code == 1);
}

TEST_CASE("wrong usage is 2, nothing to read is 3") {
  const World world;
  for (const char* arguments :
       {"", "paint", "read --limit x", "read --limit -1", "read --from -1", "tail --log acme-corp --limit -1",
        "read --event-type VM_PAINTED", "read --filter vm-id", "read --filter colour=red",
        "read --filter tenant-id=Acme", "read --since yesterday", "read --order up", "read --format xml",
        "verify --edge --full", "verify --filter vm-id=x", "prove", "prove 1", "tail", "read --store mysql://x"}) {
    CAPTURE(arguments);
    CHECK(run(world, arguments).code == 2);
  }
  CHECK(run(world, "read --help").code == 0);
  CHECK(run(world, "read --data-dir /nonexistent").code == 3);
  CHECK(run(world, "read --url http://127.0.0.1:1").code == 3);
}

TEST_CASE("the configuration file names the store, below flags") {
  const World world;
  write_bytes(world.path("config.toml"),
              fmt::format("store = \"sqlite:{}\"\nlisten = \"127.0.0.1:1\"\n", world.path("nowhere")));
  const std::string config = " --config " + world.path("config.toml");
  CHECK(run(world, "vkey" + config).code == 3);
  CHECK(run(world, "vkey --store sqlite:" + world.path(".") + config).code == 0);
}

}  // namespace cadastre

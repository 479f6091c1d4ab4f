#include "ledger/audit.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "ledger/log_key.h"

namespace cadastre::ledger {
namespace {

constexpr std::string_view origin = "ledger.example/ledger/acme-corp";
constexpr LogId log_id{1, 2, 3};

PrivateKey key() { return log_key(Bytes<32>{1}, origin, 0); }

/// A log with its store and its published files, as the publisher would leave them.
class World {
 public:
  void append(std::size_t count) {
    for (; count > 0; --count) {
      const std::uint64_t seq = leaves.size();
      const auto type = seq == 0 ? EventType::tenant_created : EventType::vm_created;
      const Instant ts = instant_from_ms(1'790'000'000'000 + static_cast<std::int64_t>(seq));
      // Texts that look like the members an audit reads.
      const Event event{type,
                        TenantId::parse("acme-corp").value(),
                        {"system", "", ""},
                        R"(,"log_id":"ff)",
                        {{"log_id", "ff"}, {"n", R"(,"seq":1,"v":1})"}}};
      StoredLeaf leaf{seq, ts, type, {}, encode_leaf(log_id, seq, ts, event)};
      leaf.hash = leaf_hash(as_bytes(leaf.bytes));
      leaves.push_back(std::move(leaf));
    }
    head = leaves.size();
  }

  void publish() {
    const auto sink = [this](const TileId& tile, std::string_view bytes) { files[tile_path(tile)] = bytes; };
    while (builder_.size() < leaves.size()) builder_.append(leaves[builder_.size()].bytes, sink);
    builder_.partials(sink);
    note = sign(builder_.size(), builder_.root());
    files["checkpoint"] = *note;
    files["history/" + std::to_string(builder_.size())] = *note;
  }

  std::string sign(std::uint64_t size, const Hash& root) const {
    return sign_checkpoint({std::string(origin), size, root}, key());
  }

  void grow(std::initializer_list<std::size_t> sizes) {
    for (const std::size_t size : sizes) append(size - leaves.size()), publish();
  }

  void rehash(std::size_t seq) { leaves[seq].hash = leaf_hash(as_bytes(leaves[seq].bytes)); }

  LogEvidence evidence() const {
    const auto file = [this](const std::string& path) {
      const auto found = files.find(path);
      return found == files.end() ? std::nullopt : std::optional(found->second);
    };
    return {.tenant = TenantId::parse("acme-corp").value(),
            .log_id = log_id,
            .vkey = log_verifier(origin, key()).encode(),
            .checkpoint_file = file("checkpoint"),
            .stored_checkpoint = note,
            .head = head,
            .high_water = high_water,
            .files = file,
            .list = [this](const std::string& folder) { return names(folder); },
            .leaves = [this](std::uint64_t from, std::size_t limit) { return page(from, limit); },
            .head_now = [this] { return head; }};
  }

  std::vector<StoredLeaf> leaves;
  std::map<std::string, std::string> files;
  std::optional<std::string> note;
  std::uint64_t head = 0;
  std::uint64_t high_water = 0;

 private:
  std::vector<std::string> names(const std::string& folder) const {
    std::vector<std::string> found;
    for (const auto& [path, bytes] : files) {
      const std::size_t slash = path.rfind('/');
      if (slash != std::string::npos && path.substr(0, slash) == folder) found.push_back(path.substr(slash + 1));
    }
    return found;
  }

  std::vector<StoredLeaf> page(std::uint64_t from, std::size_t limit) const {
    std::vector<StoredLeaf> found;
    for (const StoredLeaf& leaf : leaves) {
      if (leaf.seq >= from && found.size() < limit) found.push_back(leaf);
    }
    return found;
  }

  TileBuilder builder_;
};

std::string first(const AuditResult& result) {
  if (result.holds()) return "";
  return std::to_string(result.findings.front().index) + ": " + result.findings.front().what;
}

/// Grown in steps, with partial files of older sizes left over.
World grown() {
  World world;
  world.grow({1, 3, 255, 256, 300, 520});
  return world;
}

}  // namespace

TEST_CASE("an untouched log of any size holds") {
  World world;
  for (const std::size_t size : {0UL, 1UL, 2UL, 255UL, 256UL, 257UL, 511UL, 512UL, 600UL}) {
    CAPTURE(size);
    world.append(size - world.leaves.size());
    CHECK(first(audit_full(world.evidence())) == "");
    CHECK(first(audit_edge(world.evidence())) == "");
    if (size != 0) world.publish();
    CHECK(first(audit_full(world.evidence())) == "");
    CHECK(first(audit_edge(world.evidence())) == "");
    CHECK(first(audit_range(world.evidence(), 0, UINT64_MAX)) == "");
    CHECK(audit_full(world.evidence()).size == size);
  }
}

TEST_CASE("what a publisher was interrupted in holds") {
  World world = grown();
  const auto older_file = world.files["checkpoint"];
  world.append(300);
  world.publish();
  SUBCASE("the checkpoint file not yet replaced") { world.files["checkpoint"] = older_file; }
  SUBCASE("tiles written, checkpoint not yet signed") {
    world.note = world.files["checkpoint"] = older_file;
    world.files.erase("history/820");
  }
  SUBCASE("partial files cleared away") {
    for (const char* path : {"tile/0/000.p/1", "tile/entries/001.p/44", "tile/0/001.p/44"}) {
      CHECK(world.files.erase(path) == 1);
    }
  }
  CHECK(first(audit_full(world.evidence())) == "");
  CHECK(first(audit_edge(world.evidence())) == "");
}

TEST_CASE("a log that grows during its audit holds") {
  World world = grown();
  LogEvidence evidence = world.evidence();
  world.append(400);
  world.publish();
  CHECK(first(audit_full(evidence)) == "");
  CHECK(first(audit_edge(evidence)) == "");
}

TEST_CASE("a change of any byte of any published file is found") {
  World untouched;
  untouched.grow({1, 3, 256, 259});
  for (const auto& [path, bytes] : untouched.files) {
    const std::size_t step = std::max<std::size_t>(1, bytes.size() / 10);
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      World world = untouched;
      world.files[path][at] = static_cast<char>(world.files[path][at] ^ 0x01);
      CAPTURE(path);
      CAPTURE(at);
      CHECK_FALSE(audit_full(world.evidence()).holds());
    }
    World shorter = untouched;
    shorter.files[path].pop_back();
    CHECK_FALSE(audit_full(shorter.evidence()).holds());
    World longer = untouched;
    longer.files[path] += 'x';
    CHECK_FALSE(audit_full(longer.evidence()).holds());
  }
}

TEST_CASE("a change names the leaf where it begins") {
  struct Row {
    const char* name;
    void (*change)(World&);
    std::string_view full;  ///< What the full audit says first begins so.
    bool edge_sees;
  };
  const Row rows[] = {
      {"a leaf edited", [](World& w) { w.leaves[7].bytes[9] ^= 1; }, "7: the leaf does not hash", false},
      {"a leaf edited and rehashed", [](World& w) { w.leaves[7].bytes.replace(10, 1, "X"), w.rehash(7); },
       "7: ", false},
      {"a row's ts changed", [](World& w) { w.leaves[7].ts += std::chrono::milliseconds(1); },
       "7: the leaf has another ts", false},
      {"a row's type changed", [](World& w) { w.leaves[7].type = EventType::vm_deleted; },
       "7: the leaf has another type", false},
      {"two leaves swapped", [](World& w) { std::swap(w.leaves[4].bytes, w.leaves[5].bytes); },
       "4: the leaf does not hash", false},
      {"a leaf too large", [](World& w) { w.leaves[7].bytes.assign(70000, 'x'), w.rehash(7); }, "7: the leaf is not",
       false},
      {"the newest leaf edited", [](World& w) { w.leaves[519].bytes[9] ^= 1; }, "519: the leaf does not hash", true},
      {"a leaf removed", [](World& w) { w.leaves.erase(w.leaves.begin() + 7); }, "7: the store has no such leaf",
       false},
      {"the tail cut", [](World& w) { w.leaves.resize(500); }, "519: the store has no such leaf", true},
      {"the tail and the head cut", [](World& w) { w.leaves.resize(500), w.head = 500; }, "500: the store has 500",
       true},
      {"a leaf beyond the head", [](World& w) { w.head = 519; }, "519: ", true},
      {"all leaves gone", [](World& w) { w.leaves.clear(), w.head = 0; }, "0: the store has 0", true},
      {"the files gone", [](World& w) { w.files.clear(); }, "0: the published checkpoint is missing", true},
      {"the checkpoint gone", [](World& w) { w.files.erase("checkpoint"); }, "0: the published checkpoint is", true},
      {"a full tile gone", [](World& w) { w.files.erase("tile/0/000"); }, "0: tile/0/000 is missing", false},
      {"a bundle gone", [](World& w) { w.files.erase("tile/entries/001"); }, "256: tile/entries/001 is missing", false},
      {"the last tile gone", [](World& w) { w.files.erase("tile/0/002.p/8"); }, "512: tile/0/002.p/8 is missing", true},
      {"the last bundle gone", [](World& w) { w.files.erase("tile/entries/002.p/8"); }, "512: tile/entries/002.p/8 is",
       true},
      {"the upper tile gone", [](World& w) { w.files.erase("tile/1/000.p/2"); }, "0: tile/1/000.p/2 is missing", true},
      {"a partial tile too wide", [](World& w) { w.files["tile/0/002.p/9"] = "x"; }, "512: tile/0/002.p/9 holds",
       false},
      {"a tile too many", [](World& w) { w.files["tile/0/003"] = "x"; }, "768: tile/0/003 holds more", false},
      {"a full tile too early", [](World& w) { w.files["tile/0/002"] = "x"; }, "512: tile/0/002 holds more", false},
      {"an older database", [](World& w) { w.leaves.resize(300), w.head = 300, w.note = w.files["history/300"]; },
       "300: the published checkpoint has 520 leaves, the store's only 300", true},
      {"both older",
       [](World& w) {
         w.leaves.resize(300), w.head = 300, w.note = w.files["checkpoint"] = w.files["history/300"],
                               w.high_water = 520;
       },
       "300: the newest checkpoint has 300 leaves, one of 520 was signed", true},
      {"a history file of another size", [](World& w) { w.files["history/3"] = w.files["history/1"]; }, "3: history/3",
       false},
      {"a history file too new", [](World& w) { w.files["history/900"] = w.sign(900, {}); },
       "520: history/900 is newer", false},
      {"a history file with another root", [](World& w) { w.files["history/3"] = w.sign(3, {}); },
       "2: the leaves' root", false},
      {"a signed root that is not the leaves'", [](World& w) { w.note = w.files["checkpoint"] = w.sign(520, {}); },
       "519: the leaves' root at size 520", true},
      {"two signed roots", [](World& w) { w.files["checkpoint"] = w.sign(520, {}); }, "0: two checkpoints of one size",
       true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    World world = grown();
    row.change(world);
    const std::string full = first(audit_full(world.evidence()));
    CHECK_MESSAGE(full.starts_with(row.full), full);
    CHECK(audit_edge(world.evidence()).holds() != row.edge_sees);
  }
}

TEST_CASE("a log with another log's content does not hold") {
  const World world = grown();
  LogEvidence evidence = world.evidence();
  evidence.log_id = LogId{9};
  CHECK(first(audit_full(evidence)) == "0: the leaf is that of another log");
  CHECK_FALSE(audit_edge(evidence).holds());
  evidence = world.evidence();
  evidence.vkey = log_verifier("ledger.example/ledger/other", log_key(Bytes<32>{1}, "other", 0)).encode();
  CHECK(first(audit_full(evidence)).starts_with("0: the checkpoint in the store: note is not signed by"));
  evidence.vkey = "";
  CHECK(first(audit_edge(evidence)).starts_with("0: the log's verifier key"));
}

TEST_CASE("a range finds what was changed inside it") {
  World world = grown();
  world.files["tile/0/000"][5 * 32] ^= 1;
  world.files["tile/entries/001"][2] ^= 1;
  CHECK(audit_range(world.evidence(), 10, 20).findings.front().index == 10);  // the path above it is broken
  world = grown();
  world.files["tile/entries/001"][2] ^= 1;
  CHECK(first(audit_range(world.evidence(), 0, 256)) == "");
  CHECK(first(audit_range(world.evidence(), 256, 257)).starts_with("256: the bundle has another entry"));
  CHECK(first(audit_range(world.evidence(), 257, 520)) == "");
}

TEST_CASE("an older checkpoint is a beginning of the log, or it is not this log's") {
  const World world = grown();
  const AuditResult newest = audit_edge(world.evidence());
  for (const char* path : {"history/1", "history/3", "history/256", "history/300", "checkpoint"}) {
    CAPTURE(path);
    CHECK_FALSE(audit_older(world.evidence(), newest, world.files.at(path)));
  }
  CHECK(audit_older(world.evidence(), newest, world.sign(300, {})).value().index == 299);
  CHECK(audit_older(world.evidence(), newest, world.sign(521, {})).value().index == 520);
  CHECK(audit_older(world.evidence(), newest, "not a note"));
}

}  // namespace cadastre::ledger

// One publisher among several processes: who has the lease publishes, the others follow (LEDGER.md sections 3 and 4).
#include "ledger/checkpoint.h"
#include "world.h"

namespace cadastre {
namespace {

const TenantId acme = TenantId::parse("acme").value();

/// What several processes share: who has the lease, and what was shown.
struct Shared {
  int holder = 0;
  std::vector<ShownCheckpoint> shown;
};

class MemoryLease final : public PublisherLease {
 public:
  MemoryLease(Shared& shared, int self) : shared_(shared), self_(self) {}
  bool hold() override {
    ++asked;
    if (lost_at == asked) shared_.holder = -1;
    if (shared_.holder == 0) shared_.holder = self_;
    return shared_.holder == self_;
  }
  void release() override { shared_.holder = shared_.holder == self_ ? 0 : shared_.holder; }
  std::vector<ShownCheckpoint> shown(std::size_t limit) override {
    const std::size_t end = std::min(shared_.shown.size(), seen_ + limit);
    const std::vector<ShownCheckpoint> news(shared_.shown.begin() + static_cast<std::ptrdiff_t>(seen_),
                                            shared_.shown.begin() + static_cast<std::ptrdiff_t>(end));
    seen_ = end;
    return news;
  }
  int asked = 0;
  int lost_at = -1;  ///< The question at which another has it.

 private:
  Shared& shared_;
  const int self_;
  std::size_t seen_ = 0;
};

/// Notes what is put in place, as a store that all processes share does.
class SharedTiles final : public TileStore {
 public:
  SharedTiles(TileStore& tiles, Shared& shared) : tiles_(tiles), shared_(shared) {}
  std::optional<std::string> read(const TenantId& tenant, const LogId& log, std::string_view path) override {
    return tiles_.read(tenant, log, path);
  }
  FileFailures create(std::span<const PublishedFile> files) override { return tiles_.create(files); }
  FileFailures replace(std::span<const PublishedFile> files) override {
    for (const PublishedFile& file : files) shared_.shown.push_back({file.tenant, file.log, std::string(file.bytes)});
    return tiles_.replace(files);
  }
  void remove(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    tiles_.remove(tenant, log, folder);
  }
  std::vector<std::string> list(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    return tiles_.list(tenant, log, folder);
  }

 private:
  TileStore& tiles_;
  Shared& shared_;
};

/// Two processes on one store, each with marks of its own.
struct Two {
  Two() { process.add_tenant(acme); }
  Publisher publisher(HighWater& marks, MemoryLease& lease) {
    return {*process.store, tiles, marks, process.clock, master_seed, {}, &lease};
  }
  std::uint64_t published_size() { return process.store->open_reader()->checkpoint(acme).value().size; }

  const TestFolder folder;
  Process process{folder};
  Shared shared;
  SharedTiles tiles{process.tiles, shared};
  HighWaterFile& marks_of_first = *process.marks;
  HighWaterFile marks_of_second{folder / "high-water-2"};
  MemoryLease lease_of_first{shared, 1};
  MemoryLease lease_of_second{shared, 2};
  Publisher first = publisher(marks_of_first, lease_of_first);
  Publisher second = publisher(marks_of_second, lease_of_second);
};

TEST_CASE("who does not have the lease writes nothing, and its marks follow") {
  Two two;
  CHECK(two.first.publish_round().empty());
  two.process.append(acme, 3);
  CHECK(two.second.publish_round().empty());
  CHECK(two.published_size() == 1);
  CHECK(two.first.figures().is_publishing);
  CHECK(!two.second.figures().is_publishing);
  CHECK(two.first.publish_round().empty());
  CHECK(two.second.publish_round().empty());
  const auto mark = two.marks_of_second.find(log_of(acme)).value();
  CHECK(mark.size == 4);
  CHECK(mark.is_settled);
  CHECK(mark.root == two.marks_of_first.find(log_of(acme)).value().root);
}

TEST_CASE("when the lease is free another goes on where the first stopped") {
  Two two;
  CHECK(two.first.publish_round().empty());
  CHECK(two.first.stop());
  two.process.append(acme, 300);
  CHECK(two.second.publish_round().empty());
  CHECK(two.published_size() == 301);
  CHECK(two.second.figures().is_publishing);
  CHECK(two.first.publish_round().empty());
  CHECK(!two.first.figures().is_publishing);
  CHECK(two.process.check_full().empty());
}

TEST_CASE("who loses the lease in the midst of a round reports no ledger, and signs nothing") {
  for (int lost_at = 2; lost_at < 6; ++lost_at) {
    Two two;
    CHECK(two.first.publish_round().empty());
    two.process.append(acme, 3);
    two.lease_of_first.asked = 0;
    two.lease_of_first.lost_at = lost_at;
    CAPTURE(lost_at);
    try {
      const auto findings = two.first.publish_round();
      CHECK(findings.empty());
    } catch (const StoreFailure& failure) {
      CHECK(std::string(failure.what()).find("another process") != std::string::npos);
      CHECK(two.published_size() == 1);
    }
    two.shared.holder = 0;
    CHECK(two.second.publish_round().empty());
    CHECK(two.published_size() == 4);
    CHECK(two.process.check_full().empty());
  }
}

TEST_CASE("nothing is followed that is not signed or contradicts what was seen") {
  const std::string origin = ledger::log_origin("example.org", acme);
  const auto note = [&](std::uint64_t size, const Bytes<32>& root, const Bytes<32>& seed) {
    return ledger::sign_checkpoint({origin, size, root}, ledger::log_key(seed, origin, 0));
  };
  struct Row {
    std::string_view what;
    std::uint64_t size;
    bool is_forged;
    bool is_settled;
    std::string_view finding;
  };
  for (const Row& row : {Row{"one that another key signed", 9, true, true, "not signed"},
                         Row{"one below the mark", 2, false, true, "4 were published before"},
                         Row{"another root at the mark", 4, false, true, "another root"},
                         Row{"one below a mark that was not settled", 2, false, false, ""},
                         Row{"one above the mark", 9, false, true, ""}}) {
    CAPTURE(row.what);
    Two two;
    two.marks_of_second.raise(std::array{WaterMark{.log_id = log_of(acme), .size = 4, .root = {1}}});
    if (row.is_settled)
      two.marks_of_second.settle(std::array{WaterMark{.log_id = log_of(acme), .size = 4, .root = {1}}});
    two.shared.holder = 3;
    two.shared.shown.push_back({acme, log_of(acme), note(row.size, {2}, row.is_forged ? Bytes<32>{9} : master_seed)});
    const auto findings = two.second.publish_round();
    CHECK(findings.size() == (row.finding.empty() ? 0 : 1));
    if (!findings.empty()) CHECK(findings[0].what.find(row.finding) != std::string::npos);
    const std::uint64_t expected = row.size == 9 && !row.is_forged ? 9 : 4;
    CHECK(two.marks_of_second.find(log_of(acme)).value().size == expected);
  }
}

}  // namespace
}  // namespace cadastre

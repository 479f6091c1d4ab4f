// One publisher among several processes: who has the lease publishes, the others follow (LEDGER.md sections 3 and 4).
#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "ledger/checkpoint.h"
#include "world.h"

namespace cadastre {
namespace {

const TenantId acme = TenantId::parse("acme").value();

/// What several processes share: who has the lease under which number, and what was shown.
struct Shared {
  int holder = 0;
  std::int64_t fence = 0;
  std::vector<ShownCheckpoint> shown;
};

/// Asks and writes as one process does, and stands still at one of these moments.
class MemoryLease final : public PublisherLease {
 public:
  MemoryLease(Shared& shared, int self) : shared_(shared), self_(self) {}
  std::optional<std::int64_t> take() override {
    pass_moment();
    if (shared_.holder == 0 && !is_own()) own_ = ++shared_.fence;
    if (!is_own()) return std::nullopt;
    shared_.holder = self_;
    return own_;
  }
  bool keep() override {
    pass_moment();
    return is_own();
  }
  bool confirm() override { return keep(); }
  void release() override { shared_.holder = shared_.holder == self_ ? 0 : shared_.holder; }
  std::vector<ShownCheckpoint> shown(std::size_t limit) override {
    pass_moment();
    std::vector<ShownCheckpoint> news;
    for (; seen_ < shared_.shown.size() && news.size() < limit; ++seen_) {
      const ShownCheckpoint& one = shared_.shown[seen_];
      const auto later = std::span(shared_.shown).subspan(seen_ + 1);
      const bool is_last = std::ranges::none_of(later, [&](const auto& other) { return other.log_id == one.log_id; });
      if (is_last) news.push_back(one);  // what was replaced is not there any more
    }
    return news;
  }
  /// As the store does before each write, in the same transaction.
  void expect_own() {
    pass_moment();
    if (!is_own()) throw StoreFailure("another process publishes the ledgers now");
  }
  /// Lets others do something at a moment of this process, counted from 1.
  void stand_still(int moment, std::function<void()> meanwhile) {
    moments_ = 0;
    still_at_ = moment;
    meanwhile_ = std::move(meanwhile);
  }
  /// Whether it has stood still; it will not any more.
  bool has_stood() { return moments_ >= std::exchange(still_at_, 0); }

 private:
  void pass_moment() {
    if (++moments_ == still_at_) meanwhile_();
  }
  bool is_own() const { return own_ > 0 && own_ == shared_.fence; }

  Shared& shared_;
  const int self_;
  std::int64_t own_ = 0;
  std::size_t seen_ = 0;
  int moments_ = 0;
  int still_at_ = 0;
  std::function<void()> meanwhile_;
};

/// Takes files of the process that has the lease alone, and notes what is put in place, as a store that all processes
/// share does.
class SharedTiles final : public TileStore {
 public:
  SharedTiles(TileStore& tiles, Shared& shared, MemoryLease& lease) : tiles_(tiles), shared_(shared), lease_(lease) {}
  std::optional<std::string> read(const TenantId& tenant, const LogId& log, std::string_view path) override {
    return tiles_.read(tenant, log, path);
  }
  FileFailures create(std::span<const PublishedFile> files) override {
    lease_.expect_own();
    return tiles_.create(files);
  }
  FileFailures replace(std::span<const PublishedFile> files) override {
    lease_.expect_own();
    if (fails_to_replace) throw StoreFailure("cut off");
    for (const PublishedFile& file : files) shared_.shown.push_back({file.tenant, file.log, std::string(file.bytes)});
    return tiles_.replace(files);
  }
  void remove(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    lease_.expect_own();
    tiles_.remove(tenant, log, folder);
  }
  std::vector<std::string> list(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    return tiles_.list(tenant, log, folder);
  }
  bool fails_to_replace = false;

 private:
  TileStore& tiles_;
  Shared& shared_;
  MemoryLease& lease_;
};

/// Two processes on one store, each with marks of its own.
struct Two {
  Two() { process.add_tenant(acme); }
  Publisher publisher(SharedTiles& tiles, HighWater& marks, MemoryLease& lease) {
    return {*process.store, tiles, marks, process.clock, master_seed, {}, &lease};
  }
  std::uint64_t published_size() { return process.store->open_reader()->checkpoint(acme).value().size; }
  std::uint64_t size_in_place() {
    const std::string note = process.tiles.read(acme, log_of(acme), "checkpoint").value();
    return ledger::parse_checkpoint(std::string_view(note).substr(0, note.find("\n\n") + 1)).value().size;
  }

  const TestFolder folder;
  Process process{folder};
  Shared shared;
  HighWaterFile& marks_of_first = *process.marks;
  HighWaterFile marks_of_second{folder / "high-water-2"};
  MemoryLease lease_of_first{shared, 1};
  MemoryLease lease_of_second{shared, 2};
  SharedTiles tiles_of_first{process.tiles, shared, lease_of_first};
  SharedTiles tiles_of_second{process.tiles, shared, lease_of_second};
  Publisher first = publisher(tiles_of_first, marks_of_first, lease_of_first);
  Publisher second = publisher(tiles_of_second, marks_of_second, lease_of_second);
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

/// A round of the first, in which it may notice that it has lost the lease, and nothing else.
void expect_no_finding(Two& two) {
  try {
    const auto findings = two.first.publish_round();
    CHECK(findings.empty());
  } catch (const StoreFailure& failure) {
    CHECK(std::string(failure.what()).find("another process") != std::string::npos);
  }
}

TEST_CASE("who loses the lease in the midst of a round reports no ledger, and signs nothing") {
  bool has_stood = true;
  for (int moment = 1; has_stood; ++moment) {
    CAPTURE(moment);
    Two two;
    CHECK(two.first.publish_round().empty());
    two.process.append(acme, 3);
    two.lease_of_first.stand_still(moment, [&] {
      two.shared.holder = -1;
      ++two.shared.fence;
    });
    expect_no_finding(two);
    has_stood = two.lease_of_first.has_stood();
    CHECK((has_stood || moment > 6));
    two.shared.holder = 0;
    CHECK(two.second.publish_round().empty());
    CHECK(two.published_size() == 4);
    CHECK(two.size_in_place() == 4);
    CHECK(two.process.check_full().empty());
  }
}

TEST_CASE("another may publish and leave the lease at any moment of a round: what was loaded before is not written") {
  for (const bool is_cut_off : {false, true}) {
    bool has_stood = true;
    for (int moment = 1; has_stood; ++moment) {
      CAPTURE(is_cut_off);
      CAPTURE(moment);
      Two two;
      CHECK(two.first.publish_round().empty());
      two.process.append(acme, 3);
      two.tiles_of_second.fails_to_replace = is_cut_off;
      two.lease_of_first.stand_still(moment, [&] {
        two.shared.holder = 0;
        two.process.append(acme, 3);
        if (is_cut_off)
          CHECK_THROWS_AS((void)two.second.publish_round(), StoreFailure);
        else
          CHECK(two.second.publish_round().empty());
        two.lease_of_second.release();
      });
      expect_no_finding(two);
      has_stood = two.lease_of_first.has_stood();
      CHECK((has_stood || moment > 6));
      CHECK(two.first.publish_round().empty());
      CHECK(two.published_size() == (has_stood ? 7 : 4));
      CHECK(two.size_in_place() == two.published_size());
      CHECK(two.second.publish_round().empty());
      CHECK(two.marks_of_second.find(log_of(acme)).value().size == two.published_size());
      CHECK(two.process.check_full().empty());
    }
  }
}

TEST_CASE("a stop leaves replaced partial tiles to the one that goes on, which removes them a grace period later") {
  Two two;
  const auto partial = [&] { return two.process.tiles.read(acme, log_of(acme), "tile/entries/000.p/1"); };
  CHECK(two.first.publish_round().empty());
  CHECK(two.second.publish_round().empty());
  two.process.append(acme, 300);
  CHECK(two.first.publish_round().empty());
  CHECK(two.second.publish_round().empty());
  CHECK(partial());
  CHECK(two.first.stop());
  CHECK(partial());
  two.process.clock.advance(std::chrono::minutes(10) - std::chrono::milliseconds(1));
  CHECK(two.second.publish_round().empty());
  CHECK(two.second.figures().is_publishing);
  CHECK(partial());
  two.process.clock.advance(std::chrono::milliseconds(1));
  CHECK(two.second.publish_round().empty());
  CHECK(!partial());
  CHECK(two.process.check_full().empty());
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

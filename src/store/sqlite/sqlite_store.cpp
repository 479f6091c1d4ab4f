#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

#include "store/sqlite/committer.h"
#include "store/sqlite/migration.h"
#include "store/sqlite/move_mark.h"

namespace cadastre {
namespace {

using namespace sqlite;

/// The right to be the one process that has a directory's database open for writing.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& directory) {
    if (std::filesystem::create_directories(directory)) ::chmod(directory.c_str(), 0700);
    const auto file = directory / "lock";
    descriptor_ = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor_ < 0)
      throw StoreFailure(fmt::format("cannot open {}: {}", file.string(), std::generic_category().message(errno)));
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    ::close(descriptor_);
    throw StoreFailure(
        fmt::format("{} is in use by another process, which holds its lock: stop that one, or use another directory",
                    directory.string()));
  }
  ~DirectoryLock() { ::close(descriptor_); }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_ = -1;
};

/// Before the reader's tables, which are made with it.
class OwnedConnection {
 protected:
  explicit OwnedConnection(Connection connection) : connection_(std::move(connection)) {}
  Connection connection_;
};

class SqliteReader final : private OwnedConnection, public Asking<Reader> {
 public:
  SqliteReader(Connection connection, const DirtyLogs* dirty_logs)
      : OwnedConnection(std::move(connection)),
        Asking<Reader>(connection_, dirty_logs),
        begin_(connection_, "BEGIN"),
        end_(connection_, "ROLLBACK") {}

  /// All counts at one moment.
  Recount recount(const TenantId& tenant) override {
    const Snapshot snapshot(*this);
    return Asking<Reader>::recount(tenant);
  }

 private:
  /// The register at one moment, as long as this lives.
  class Snapshot {
   public:
    explicit Snapshot(SqliteReader& reader) : end_(reader.end_) { reader.begin_.run(); }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot() { end_().next(); }

   private:
    Query& end_;
  };

  Query begin_, end_;
};

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const SqliteSettings& settings)
      : settings_(settings),
        lock_(settings.directory),
        connection_(Connection::open_writer(file(), {.cache_kib = settings.writer_cache_kib})) {
    if (!settings.even_if_moved) expect_not_moved(settings.directory);
    migrate(connection_);
    find_dirty_logs();
    committer_.emplace(connection_, file(), dirty_logs_,
                       CommitterLimits{.lane_max = settings.lane_max,
                                       .group_max = settings.group_max,
                                       .tenants_cached_max = settings.tenants_cached_max,
                                       .checkpoint_frames = settings.checkpoint_frames});
  }

  std::unique_ptr<Reader> open_reader() override {
    auto connection = Connection::open_reader(
        file(), {.cache_kib = settings_.reader_cache_kib, .mmap_bytes = settings_.reader_mmap_bytes});
    return std::make_unique<SqliteReader>(std::move(connection), &dirty_logs_);
  }
  bool submit(Change change) override { return committer_->submit(std::move(change)); }
  void subscribe(ChangeFeed& feed) override { committer_->subscribe(feed); }
  bool feed_is_exact() const override { return true; }
  std::chrono::milliseconds feed_age() const override { return {}; }
  StoreFigures figures() const override { return committer_->figures(); }
  void stop() override { committer_->stop(); }

 private:
  std::filesystem::path file() const { return settings_.directory / database_name; }

  void find_dirty_logs() {
    LedgerTable ledger(connection_);
    std::vector<LogNote> notes;
    ledger.each_unpublished([&notes](const TenantId& tenant) { notes.push_back({tenant, LogNote::Fact::appended}); });
    dirty_logs_.apply(notes);
  }

  const SqliteSettings settings_;
  DirectoryLock lock_;
  Connection connection_;
  DirtyLogs dirty_logs_;
  std::optional<Committer> committer_;  // last: its thread uses all of the above
};

}  // namespace

std::unique_ptr<Store> open_sqlite_store(const SqliteSettings& settings) {
  return std::make_unique<SqliteStore>(settings);
}

std::unique_ptr<Reader> open_sqlite_reader(const std::filesystem::path& directory) {
  auto connection = Connection::open_reader(directory / database_name, {});
  expect_schema(connection);
  expect_not_moved(directory);
  return std::make_unique<SqliteReader>(std::move(connection), nullptr);
}

}  // namespace cadastre

#include "store/postgresql/published_files.h"

#include <type_traits>

#include "base/invariant.h"
#include "store/published_path.h"

namespace cadastre::postgresql {
namespace {

/// A session of the pool, given back unless its transaction failed.
class Borrowed {
 public:
  explicit Borrowed(SessionPool& pool) : pool_(pool), session_(pool.take()) {}
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() { pool_.give_back(std::move(session_)); }
  Session& operator*() { return *session_; }

 private:
  SessionPool& pool_;
  std::unique_ptr<Session> session_;
};

class PublishedRows final : public TileStore {
 public:
  PublishedRows(std::shared_ptr<SessionPool> pool, const Fence* fence) : pool_(std::move(pool)), fence_(fence) {}

  std::optional<std::string> read(const TenantId& tenant, const LogId& log, std::string_view path) override {
    expect_published_path(path);
    return question([&](Connection& connection) -> std::optional<std::string> {
      Rows rows = connection.run(Sql::read_file, tenant.text(), log, path);
      if (!rows.next()) return std::nullopt;
      return rows.text(0);
    });
  }

  FileFailures create(std::span<const PublishedFile> files) override {
    FileFailures failures(files.size());
    if (files.empty()) return failures;
    Columns columns = columns_of(files);
    const std::size_t created = write([&](Pipeline& pipeline) { pipeline.send_rows(Sql::create_files, columns); });
    if (created == files.size()) return failures;
    for (Rows rows = question([&](Connection& connection) { return in_the_way(connection, columns); }); rows.next();) {
      const auto number = static_cast<std::size_t>(rows.integer(0)) - 1;
      failures.at(number) = std::make_exception_ptr(
          StoreFailure("published before with other bytes: " + std::string(files[number].path)));
    }
    return failures;
  }

  FileFailures replace(std::span<const PublishedFile> files) override {
    if (files.empty()) return {};
    Columns columns = columns_of(files);
    const std::int64_t showing = question(last_showing) + 1;
    write([&](Pipeline& pipeline) { pipeline.send_rows(Sql::replace_files, columns, showing); }, showing);
    return FileFailures(files.size());
  }

  void remove(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    expect_published_path(folder);
    write([&](Pipeline& pipeline) { pipeline.send(Sql::remove_folder, tenant.text(), log, folder); });
  }

  std::vector<std::string> list(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    expect_published_path(folder);
    return question([&](Connection& connection) {
      std::vector<std::string> names;
      for (Rows rows = connection.run(Sql::files_of_folder, tenant.text(), log, folder); rows.next();) {
        const std::string_view name = rows.bytes(0).substr(folder.size() + 1);
        if (name.find('/') == std::string_view::npos) names.emplace_back(name);
      }
      return names;
    });
  }

 private:
  static Columns columns_of(std::span<const PublishedFile> files) {
    Columns columns;
    for (const PublishedFile& file : files) {
      expect_published_path(file.path);
      columns.add(file.tenant.text(), file.log, file.path, as_bytes(file.bytes));
    }
    return columns;
  }

  static Rows in_the_way(Connection& connection, Columns& columns) {
    Pipeline pipeline(connection);
    pipeline.send_rows(Sql::files_in_the_way, columns);
    return std::move(pipeline.finish().front());
  }

  /// How often checkpoints were put in place. Two who begin with the same number do not both end with the next one.
  static std::int64_t last_showing(Connection& connection) {
    Rows rows = connection.run(Sql::last_showing);
    if (!rows.next()) throw StoreFailure("the database has lost the row that says who publishes");
    return rows.integer(0);
  }

  std::int64_t fence() const {
    CHECK_INVARIANT(fence_ != nullptr);
    return fence_->load();
  }

  /// Locks the lease's row until the end of the transaction: nobody can take it over in between.
  void keep_lease(Connection& connection, std::optional<std::int64_t> showing) const {
    const Rows kept = showing ? connection.run(Sql::count_showing, fence(), lease_time.count(), *showing)
                              : connection.run(Sql::keep_lease, fence(), lease_time.count());
    if (kept.changed() != 1) throw StoreFailure(lease_lost);
  }

  /// Asked once more on a new connection when the old one was lost while nobody used it.
  template <class Question>
  std::invoke_result_t<Question, Connection&> question(Question ask) {
    Borrowed session(*pool_);
    try {
      return ask((*session).connection());
    } catch (const Failure& failure) {
      (*session).drop();
      if (failure.trouble() != Trouble::connection) throw;
    }
    return ask((*session).connection());
  }

  /// One transaction of one statement; answers how many rows it touched. Undone with its connection when anything
  /// fails: the publisher begins again from what is stored. The lease's row is locked last, by a statement that fits
  /// into one packet, once all else has arrived: who stands still while it sends keeps nobody from taking the lease
  /// over.
  template <class Send>
  std::size_t write(Send send, std::optional<std::int64_t> showing = {}) {
    Borrowed session(*pool_);
    try {
      Connection& connection = (*session).connection();
      Pipeline pipeline(connection);
      pipeline.send(Sql::begin);
      send(pipeline);
      const auto results = pipeline.finish();
      keep_lease(connection, showing);
      connection.run(Sql::commit);
      return results.back().changed();
    } catch (const StoreFailure&) {
      (*session).drop();
      throw;
    }
  }

  const std::shared_ptr<SessionPool> pool_;
  const Fence* const fence_;
};

}  // namespace

std::unique_ptr<TileStore> make_published_files(std::shared_ptr<SessionPool> pool, const Fence* fence) {
  return std::make_unique<PublishedRows>(std::move(pool), fence);
}

}  // namespace cadastre::postgresql

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
    write([&](Connection& connection) {
      keep_lease(connection);
      Columns columns = columns_of(files);
      if (run_rows(connection, Sql::create_files, columns).changed() == files.size()) return;
      for (Rows rows = run_rows(connection, Sql::files_in_the_way, columns); rows.next();) {
        const auto number = static_cast<std::size_t>(rows.integer(0)) - 1;
        failures.at(number) = std::make_exception_ptr(
            StoreFailure("published before with other bytes: " + std::string(files[number].path)));
      }
    });
    return failures;
  }

  FileFailures replace(std::span<const PublishedFile> files) override {
    if (files.empty()) return {};
    write([&](Connection& connection) {
      Rows showing = connection.run(Sql::count_showing, fence(), lease_time.count());
      if (!showing.next()) throw StoreFailure(lease_lost);
      Columns columns = columns_of(files);
      run_rows(connection, Sql::replace_files, columns, showing.integer(0));
    });
    return FileFailures(files.size());
  }

  void remove(const TenantId& tenant, const LogId& log, std::string_view folder) override {
    expect_published_path(folder);
    write([&](Connection& connection) {
      keep_lease(connection);
      connection.run(Sql::remove_folder, tenant.text(), log, folder);
    });
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

  template <class... Values>
  static Rows run_rows(Connection& connection, Sql id, Columns& columns, const Values&... values) {
    Pipeline pipeline(connection);
    pipeline.send_rows(id, columns, values...);
    return std::move(pipeline.finish().front());
  }

  std::int64_t fence() const {
    CHECK_INVARIANT(fence_ != nullptr);
    return fence_->load();
  }

  /// Locks the lease's row until the end of the transaction: nobody can take it over in between.
  void keep_lease(Connection& connection) const {
    if (connection.run(Sql::keep_lease, fence(), lease_time.count()).changed() != 1) throw StoreFailure(lease_lost);
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

  /// One transaction, undone with its connection when anything fails: the publisher begins again from what is stored.
  template <class Body>
  void write(Body body) {
    Borrowed session(*pool_);
    try {
      Connection& connection = (*session).connection();
      connection.run(Sql::begin);
      body(connection);
      connection.run(Sql::commit);
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

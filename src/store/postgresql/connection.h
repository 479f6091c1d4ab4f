// One connection to the database: statements prepared at their first use, one after the other or many in one trip.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "store/postgresql/failure.h"
#include "store/postgresql/statements.h"
#include "store/postgresql/values.h"

namespace cadastre::postgresql {

/// How long the database lets a transaction stand idle: then it ends it, since its process may be frozen.
constexpr std::chrono::milliseconds idle_patience{2'000};

/// Owned and used by one thread.
class Connection {
 public:
  /// Throws Failure, within seconds, when the database cannot be reached, and StoreFailure when it is one that must not
  /// be used: another encoding than UTF-8, or `fsync` switched off.
  explicit Connection(const std::string& url);

  /// Runs one statement.
  template <class... Each>
  Rows run(Sql id, const Each&... values) {
    return run_with(id, Values::of(values...));
  }
  /// Runs statements without values as they are written, such as a migration's.
  void execute(const std::string& sql);
  /// The first value that such a statement gives, as text; empty for none.
  std::string text(const std::string& sql);
  /// The first value of each row that it gives.
  std::vector<std::string> lines(const std::string& sql);

  bool is_open() const { return PQstatus(handle_.get()) == CONNECTION_OK; }
  /// Waits until the server tells of something (LISTEN), the descriptor `wake` can be read, or the time is over.
  void wait_for_news(std::chrono::milliseconds time_limit, int wake);

 private:
  friend class Pipeline;
  friend class CopyIn;
  friend class CopyOut;

  Rows run_with(Sql id, const Values& values);
  const char* prepared(Sql id);
  Rows checked(PGresult* result, const char* doing);
  [[noreturn]] void throw_failure(const PGresult* result, const char* doing);
  void set_up();

  std::unique_ptr<PGconn, decltype(&PQfinish)> handle_{nullptr, &PQfinish};
  std::vector<bool> prepared_;  // by Sql
};

/// Statements sent without waiting for the ones before: one trip to the server for all of them. When one fails, those
/// after it do not run.
class Pipeline {
 public:
  explicit Pipeline(Connection& connection) : connection_(connection) {}
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline();

  template <class... Each>
  void send(Sql id, const Each&... values) {
    send_with(id, Values::of(values...));
  }
  /// A statement about many rows.
  template <class... Each>
  void send_rows(Sql id, Columns& columns, const Each&... values) {
    send_with(id, Values::of(columns, values...));
  }
  /// What each gave, in order. Throws the first failure.
  std::vector<Rows> finish();

 private:
  struct Sent {
    Sql id;
    bool is_preparation;
  };
  bool is_prepared(Sql id) const;
  void send_with(Sql id, const Values& values);

  Connection& connection_;
  std::vector<Sent> sent_;
  bool is_open_ = false;
};

}  // namespace cadastre::postgresql

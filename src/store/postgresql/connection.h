// One connection to the database: statements prepared at their first use, one after the other or many in one trip.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/postgresql/failure.h"
#include "store/postgresql/reachability.h"
#include "store/postgresql/statements.h"
#include "store/postgresql/values.h"

namespace cadastre::postgresql {

/// A statement that takes longer is ended by the server; one that waits for a row that another transaction holds,
/// sooner.
constexpr std::chrono::milliseconds statement_patience{30'000};

/// How long the database lets a transaction stand idle: then it ends it, since its process may be frozen.
constexpr std::chrono::milliseconds idle_patience{2'000};

/// How long a connection waits for one answer before it is given up.
struct Patience {
  std::chrono::milliseconds question;        ///< For an answer outside of a transaction.
  std::chrono::milliseconds in_transaction;  ///< Inside of one; what has begun waits for others' locks.
};
/// Of one who waits as long as the server allows, and a little more for the way.
constexpr Patience patience_of_writers{statement_patience + std::chrono::seconds(4),
                                       statement_patience + std::chrono::seconds(4)};
/// Of a program that an operator looks at: a change of the schema may take hours.
constexpr Patience patience_of_operators{std::chrono::hours(24), std::chrono::hours(24)};

/// Owned and used by one thread. A database that does not answer in time is given up with the connection: everything
/// here then throws Failure of Trouble::connection, and what the transaction did may or may not have happened.
class Connection {
 public:
  /// Throws Failure, within seconds, when the database cannot be reached or is a standby, which may become one that is
  /// written to, and StoreFailure when it is one that must not
  /// be used: another encoding than UTF-8, or `fsync` switched off. What it learns of a silent database it tells
  /// `reachability`, which outlives it, and asks it whether others have given up; null for one who is alone.
  explicit Connection(const std::string& url, const Patience& patience = patience_of_operators,
                      Reachability* reachability = nullptr, Reachability::Asker asker = Reachability::Asker::anyone);

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

  enum class Until { sent, answered };

  Rows run_with(Sql id, const Values& values);
  const char* prepared(Sql id);
  [[noreturn]] void throw_failure(const PGresult* result, const char* doing);
  void set_up();

  /// Before a statement is sent: how long its answers are waited for.
  void begin_statement();
  /// The last result of a statement of which libpq said whether it could be queued.
  Rows result_of(int queued, const char* doing);
  Rows checked(Rows rows, const char* doing);
  /// What statements without values gave, good or bad.
  Rows ask(const std::string& sql, const char* doing);
  /// The next result; none when there is nothing more to come. Never waits longer than the statement's limit.
  Rows next_result(const char* doing);
  /// Sends and waits, as long as the statement's limit allows; false when that was not enough.
  bool has_come(Until until);
  bool is_over(Tick began) const;
  [[noreturn]] void give_up(const char* doing);
  void leave_pipeline();

  const SystemClock clock_;
  Patience patience_;
  Reachability* reachability_;
  Reachability::Asker asker_;
  std::chrono::milliseconds limit_{0};                                       // of the statement that is under way
  std::unique_ptr<PGconn, decltype(&PQfinish)> handle_{nullptr, &PQfinish};  // null once it was given up
  std::vector<bool> prepared_;                                               // by Sql
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

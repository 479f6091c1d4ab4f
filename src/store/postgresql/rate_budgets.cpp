#include "store/postgresql/rate_budgets.h"

#include <fmt/format.h>

#include <map>

#include "domain/rate_budget.h"
#include "store/postgresql/rows.h"

namespace cadastre::postgresql {
namespace {

constexpr std::chrono::milliseconds time_limit{700};  // of one statement: all of them stay below the port's patience
constexpr std::chrono::milliseconds patience{1'000};  // for those who are in the way
constexpr Patience way_included{time_limit + std::chrono::milliseconds(800),
                                time_limit + std::chrono::milliseconds(800)};

/// What the database has of a tenant, as of the moment in which its budget was locked.
struct Budget {
  RateBudget value;
  std::int64_t limit = 0;
};
using Budgets = std::map<std::string, Budget, std::less<>>;

RateBudget decoded(std::string_view bytes) {
  if (bytes.empty()) return {};
  auto budget = RateBudget::decode(bytes);
  if (!budget) throw StoreFailure("the database holds a rate budget that is none");
  return *std::move(budget);
}

class BudgetRows final : public RateBudgets {
 public:
  explicit BudgetRows(std::shared_ptr<Target> target) : session_(std::move(target), way_included) {}

  std::vector<RateGrant> lease(std::span<const RateWant> wants) override {
    if (wants.empty()) return {};
    const Tick give_up = clock_.tick() + patience;
    for (;;) {
      is_committing_ = false;
      try {
        return attempt(wants);
      } catch (const Failure& failure) {
        disconnect();  // undoes what is not committed
        if (failure.trouble() != Trouble::conflict || is_committing_ || clock_.tick() > give_up) throw;
      } catch (const StoreFailure&) {
        disconnect();
        throw;
      }
    }
  }

 private:
  std::vector<RateGrant> attempt(std::span<const RateWant> wants) {
    Connection& connection = connect();
    Instant now;
    Budgets budgets = lock(connection, wants, now);
    std::vector<RateGrant> grants;
    std::vector<std::string> encoded;
    for (const RateWant& want : wants) {
      auto& [value, limit] = budgets.find(want.tenant.text())->second;
      grants.push_back(value.decide(want.ask, want.tenant.is_platform() ? want.limit : limit, now));
      encoded.push_back(value.encode());
    }
    Columns columns;
    for (std::size_t i = 0; i < wants.size(); ++i) columns.add(wants[i].tenant.text(), as_bytes(encoded[i]));
    Pipeline pipeline(connection);
    pipeline.send_rows(Sql::put_budgets, columns);
    pipeline.send(Sql::commit);
    is_committing_ = true;
    pipeline.finish();
    return grants;
  }

  /// Begins, and locks the budgets in the order of their ids; makes those that are missing.
  Budgets lock(Connection& connection, std::span<const RateWant> wants, Instant& now) {
    Columns ids;
    for (const RateWant& want : wants) ids.add(want.tenant.text());
    for (;;) {
      Pipeline pipeline(connection);
      pipeline.send(Sql::begin);
      pipeline.send_rows(Sql::lock_budgets, ids);
      pipeline.send_rows(Sql::rate_limits, ids);
      pipeline.send(Sql::time_now);
      auto results = pipeline.finish();
      if (static_cast<std::size_t>(results[1].count()) == wants.size()) return read(results, now);
      connection.run(Sql::rollback);
      make(connection, ids);
    }
  }

  static Budgets read(std::vector<Rows>& results, Instant& now) {
    Budgets budgets;
    for (Rows& rows = results[1]; rows.next();) budgets[rows.text(0)].value = decoded(rows.bytes(1));
    for (Rows& rows = results[2]; rows.next();) budgets[rows.text(0)].limit = rows.integer(1);
    results[3].next();
    now = results[3].instant(0);
    return budgets;
  }

  static void make(Connection& connection, Columns& ids) {
    Pipeline pipeline(connection);
    pipeline.send_rows(Sql::make_budgets, ids);
    pipeline.finish();
  }

  /// The connection, which waits for nothing longer than a request may.
  Connection& connect() {
    Connection& connection = session_.connection();
    if (is_limited_) return connection;
    connection.execute(fmt::format("SET statement_timeout = {0}; SET lock_timeout = {0}", time_limit.count()));
    is_limited_ = true;
    return connection;
  }
  void disconnect() {
    session_.drop();
    is_limited_ = false;
  }

  Session session_;
  const SystemClock clock_;
  bool is_limited_ = false;     // the connection's patience is set
  bool is_committing_ = false;  // what is committed may not be tried again
};

}  // namespace

std::unique_ptr<RateBudgets> make_rate_budgets(std::shared_ptr<Target> target) {
  return std::make_unique<BudgetRows>(std::move(target));
}

}  // namespace cadastre::postgresql

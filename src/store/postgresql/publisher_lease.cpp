#include "store/postgresql/publisher_lease.h"

#include <mutex>
#include <type_traits>

#include "store/postgresql/frozen_senders.h"
#include "store/postgresql/rows.h"

namespace cadastre::postgresql {
namespace {

constexpr std::chrono::milliseconds kept_without_asking{500};

class LeaseRow final : public PublisherLease {
 public:
  LeaseRow(std::shared_ptr<Target> target, Fence& fence) : session_(std::move(target)), fence_(fence) {}

  std::optional<std::int64_t> take() override {
    const std::lock_guard lock(mutex_);
    try {
      const bool is_held = hold([&](Connection& connection) { return is_kept(connection) || is_taken(connection); });
      return is_held ? std::optional(fence_.load()) : std::nullopt;
    } catch (const Failure& failure) {
      if (failure.trouble() == Trouble::conflict) end_frozen_senders(session_);
      throw;
    }
  }

  bool keep() override {
    const std::lock_guard lock(mutex_);
    if (is_held_ && clock_.tick() < kept_at_ + kept_without_asking) return true;
    return hold([&](Connection& connection) { return is_kept(connection); });
  }

  bool confirm() override {
    const std::lock_guard lock(mutex_);
    return hold([&](Connection& connection) { return is_kept(connection); });
  }

  void release() override {
    const std::lock_guard lock(mutex_);
    if (!is_held_) return;
    is_held_ = false;
    ask([&](Connection& connection) { return connection.run(Sql::leave_lease, fence_.load()).changed() == 1; });
  }

  std::vector<ShownCheckpoint> shown(std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    return ask([&](Connection& connection) {
      std::vector<ShownCheckpoint> all;
      for (Rows rows = connection.run(Sql::shown_checkpoints, seen_, seen_tenant_, limit); rows.next();) {
        all.push_back({tenant_id_of(rows.bytes(0)), rows.blob<16>(1), rows.text(2)});
        seen_ = rows.integer(3);
        seen_tenant_ = rows.text(0);
      }
      return all;
    });
  }

 private:
  /// Each statement is a transaction of its own: nothing is open while this process may stand still. After a failure
  /// the lease counts as lost until the database says otherwise.
  template <class Question>
  std::invoke_result_t<Question, Connection&> ask(Question question) {
    try {
      return question(session_.connection());
    } catch (const StoreFailure&) {
      is_held_ = false;
      session_.drop();
      throw;
    }
  }

  /// Asks whether it is held, and remembers the answer as of the moment before.
  template <class Question>
  bool hold(Question question) {
    const Tick asked_at = clock_.tick();
    is_held_ = ask(question);
    kept_at_ = asked_at;
    return is_held_;
  }

  bool is_kept(Connection& connection) {
    const std::int64_t own = fence_.load();
    return own > 0 && connection.run(Sql::keep_lease, own, lease_time.count()).changed() == 1;
  }

  bool is_taken(Connection& connection) {
    Rows rows = connection.run(Sql::take_lease, lease_time.count());
    if (!rows.next()) return false;
    fence_.store(rows.integer(0));
    return true;
  }

  std::mutex mutex_;  // of all that follows
  Session session_;
  Fence& fence_;
  const SystemClock clock_;
  bool is_held_ = false;
  Tick kept_at_;
  std::int64_t seen_ = 0;
  std::string seen_tenant_;
};

}  // namespace

std::unique_ptr<PublisherLease> make_publisher_lease(std::shared_ptr<Target> target, Fence& fence) {
  return std::make_unique<LeaseRow>(std::move(target), fence);
}

}  // namespace cadastre::postgresql

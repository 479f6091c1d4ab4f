#include "store/postgresql/postgresql_store.h"

#include <algorithm>

#include "base/log.h"
#include "base/threads.h"
#include "store/postgresql/change_poll.h"
#include "store/postgresql/lane.h"
#include "store/postgresql/migration.h"
#include "store/postgresql/published_files.h"
#include "store/postgresql/rate_budgets.h"
#include "store/postgresql/reader.h"

namespace cadastre {
namespace {

using namespace postgresql;

Bytes<16> draw_writer() {
  Bytes<16> writer;
  SystemRandom().fill(writer);
  return writer;
}

void prepare_schema(const std::string& url) {
  Connection connection(url);
  migrate(connection);
}

/// For another program than the server, which keeps nobody waiting.
std::shared_ptr<SessionPool> pool_for_others(const std::string& url) {
  return std::make_shared<SessionPool>(std::make_shared<Target>(url), patience_of_writers);
}

class PostgresqlStore final : public Store {
 public:
  explicit PostgresqlStore(const PostgresqlSettings& settings) {
    prepare_schema(settings.url);
    target_ = std::make_shared<Target>(settings.url);
    pool_ = std::make_shared<SessionPool>(target_, patience_of_requests);
    const Bytes<16> writer = draw_writer();
    const std::size_t lanes = settings.lanes > 0 ? settings.lanes : std::max<std::size_t>(1, core_count() / 2);
    for (std::size_t i = 0; i < lanes; ++i) {
      lanes_.push_back(std::make_unique<Lane>(
          target_, writer, fence_,
          LaneLimits{.waiting_max = settings.lane_max,
                     .group_max = settings.group_max,
                     .outcome_patience = settings.outcome_patience},
          figures_,
          LaneReports{.committed = [this](const auto& tenants) { tell(tenants); }, .lost = [this] { lose(); }}));
    }
    poll_ = std::make_unique<ChangePoll>(
        target_, writer,
        ChangePoll::Reports{.changed = [this](const Tenant& tenant) { tell({tenant}); }, .missed = [this] { miss(); }});
  }
  ~PostgresqlStore() override { stop(); }

  std::unique_ptr<Reader> open_reader() override { return make_reader(pool_); }
  bool submit(Change change) override {
    if (target_->reachability.is_silent()) throw Failure(Trouble::connection, "the database does not answer");
    const std::size_t lane = std::hash<std::string>()(change.tenant.text()) % lanes_.size();
    return lanes_[lane]->submit(std::move(change));
  }
  void subscribe(ChangeFeed& feed) override { feed_.store(&feed, std::memory_order_release); }
  bool feed_is_exact() const override { return false; }
  std::chrono::milliseconds feed_age() const override { return poll_->age(); }
  std::unique_ptr<RateBudgets> open_rate_budgets() override { return make_rate_budgets(target_); }
  std::unique_ptr<TileStore> open_tiles() override { return make_published_files(pool_, &fence_); }
  std::unique_ptr<PublisherLease> open_publisher_lease() override { return make_publisher_lease(target_, fence_); }
  StoreFigures figures() const override {
    StoreFigures figures = figures_.figures();
    for (const auto& lane : lanes_) figures.waiting += lane->waiting();
    return figures;
  }
  void stop() override {
    for (const auto& lane : lanes_) lane->stop();
    poll_->stop();
  }

 private:
  void tell(const std::vector<Tenant>& tenants) {
    ChangeFeed* const feed = feed_.load(std::memory_order_acquire);
    if (feed == nullptr) return;
    for (const Tenant& tenant : tenants) feed->tenant_changed(tenant);
  }
  void lose() {
    poll_->report_own();
    miss();
  }
  void miss() {
    ChangeFeed* const feed = feed_.load(std::memory_order_acquire);
    if (feed != nullptr) feed->missed();
  }

  std::shared_ptr<Target> target_;
  std::shared_ptr<SessionPool> pool_;
  Fence fence_ = 0;
  CommitFigures figures_;
  std::atomic<ChangeFeed*> feed_{nullptr};
  std::vector<std::unique_ptr<Lane>> lanes_;  // these and the last have threads that use all of the above
  std::unique_ptr<ChangePoll> poll_;
};

}  // namespace

std::unique_ptr<Store> open_postgresql_store(const PostgresqlSettings& settings) {
  return std::make_unique<PostgresqlStore>(settings);
}

std::unique_ptr<TileStore> open_postgresql_tiles(const std::string& url) {
  return make_published_files(pool_for_others(url), nullptr);
}

std::unique_ptr<Reader> open_postgresql_reader(const std::string& url) {
  auto pool = pool_for_others(url);
  auto session = pool->take();
  expect_schema(session->connection());
  pool->give_back(std::move(session));
  return make_reader(std::move(pool));
}

}  // namespace cadastre

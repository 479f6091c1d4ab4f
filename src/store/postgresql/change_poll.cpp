#include "store/postgresql/change_poll.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/invariant.h"
#include "base/log.h"
#include "store/postgresql/questions.h"

namespace cadastre::postgresql {
namespace {

constexpr std::chrono::milliseconds interval{250};       // other processes must hear of a revocation within a second
constexpr std::chrono::milliseconds silence_max{1'500};  // then the database counts as silent, for all threads
constexpr std::chrono::seconds kept_for{60};
constexpr std::chrono::hours marks_kept_for{24};  // of threads that have ended; the others make theirs anew
constexpr std::chrono::seconds gap_max{30};       // well below, for clocks and long commits
constexpr std::chrono::seconds forget_every{10};

}  // namespace

ChangePoll::ChangePoll(std::shared_ptr<Target> target, const Bytes<16>& writer, Reports reports)
    : target_(std::move(target)),
      session_(target_, {silence_max, silence_max}, Reachability::Asker::watch),
      writer_(writer),
      reports_(std::move(reports)),
      forgotten_at_(clock_.tick()),
      asked_at_ms_(clock_.tick().time_since_epoch().count()),
      wake_(::eventfd(0, EFD_CLOEXEC)) {
  if (wake_ < 0) throw StoreFailure("no descriptor is left for the change feed");
  target_->reachability.watch(true);
  thread_ = std::thread([this] { run(); });
}

ChangePoll::~ChangePoll() {
  stop();
  ::close(wake_);
}

void ChangePoll::stop() {
  std::call_once(joined_, [this] {
    stopping_.store(true, std::memory_order_release);
    const std::uint64_t one = 1;
    CHECK_INVARIANT(::write(wake_, &one, sizeof one) == sizeof one);
    thread_.join();
    target_->reachability.watch(false);
  });
}

std::chrono::milliseconds ChangePoll::age() const {
  return clock_.tick().time_since_epoch() - std::chrono::milliseconds(asked_at_ms_.load(std::memory_order_acquire));
}

void ChangePoll::run() {
  while (!is_stopping()) {
    try {
      Connection& connection = session_.connection();
      listen(connection);
      ask(connection);
      forget_old(connection);
      connection.wait_for_news(interval, wake_);
    } catch (const StoreFailure& failure) {
      log::warn("the changes of other processes cannot be asked for; it is tried again", {{"reason", failure.what()}});
      session_.drop();
      listening_ = nullptr;
      pollfd woken{wake_, POLLIN, 0};
      ::poll(&woken, 1, static_cast<int>(interval.count()));
    }
  }
}

/// An engine that cannot tell is only asked.
void ChangePoll::listen(Connection& connection) {
  if (listening_ == &connection) return;
  listening_ = &connection;
  try {
    connection.execute("LISTEN cadastre_change");
  } catch (const Failure& failure) {
    if (failure.trouble() != Trouble::statement) throw;
  }
}

void ChangePoll::ask(Connection& connection) {
  const Tick asked_at = clock_.tick();
  std::unordered_map<std::string, std::int64_t> now;
  Columns news;
  const Bytes<16> left_out = reports_own_.load(std::memory_order_acquire) ? Bytes<16>{} : writer_;
  for (Rows rows = connection.run(Sql::changes_of_others, left_out); rows.next();) {
    const std::string tenant = rows.text(0);
    const std::int64_t revision = rows.integer(1);
    now.emplace(tenant, revision);
    const auto told = known_.find(tenant);
    if (told == known_.end() || told->second < revision) news.add(tenant);
  }
  if (age() > gap_max) reports_.missed();
  if (news.rows() > 0) {
    Pipeline pipeline(connection);
    pipeline.send_rows(Sql::changed_tenants, news);
    auto results = pipeline.finish();
    while (results[0].next()) reports_.changed(namespace_of(results[0]).tenant);
  }
  known_ = std::move(now);
  asked_at_ms_.store(asked_at.time_since_epoch().count(), std::memory_order_release);
}

void ChangePoll::forget_old(Connection& connection) {
  if (clock_.tick() < forgotten_at_ + forget_every) return;
  forgotten_at_ = clock_.tick();
  connection.run(Sql::forget_changes, std::chrono::milliseconds(kept_for).count());
  connection.run(Sql::forget_commits, std::chrono::milliseconds(marks_kept_for).count());
}

}  // namespace cadastre::postgresql

// Several replicas that share one tenant's rate, simulated: their clocks, the messages between them and the store.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "domain/rate_lease.h"

namespace cadastre {

/// A request of the tenant, at a moment of the store's clock.
struct Arrival {
  std::int64_t at_ms = 0;
  std::size_t replica = 0;
};

struct WorldSettings {
  std::size_t replicas = 1;
  std::int64_t limit = 600;
  std::uint64_t seed = 1;
  std::int64_t delay_max_ms = 4;  ///< Of a message, one way.
  unsigned slow_percent = 0;      ///< Messages that take up to 15 s; nobody waits longer than 3 s for an answer.
  unsigned lost_percent = 0;      ///< Messages that are lost, in each direction.
};

/// One tenant, the store's row of its budget, and replicas whose clocks agree in nothing. Every quarter of a second
/// each replica looks whether a message is due, and at once when a request waits, as the service does.
class RateWorld {
 public:
  explicit RateWorld(const WorldSettings& settings) : settings_(settings), random_(settings.seed) {
    row_ = RateBudget().encode();
    set_limit(settings.limit);
    for (std::size_t i = 0; i < settings.replicas; ++i) {
      replicas_.push_back({.offset_ms = static_cast<std::int64_t>(random_.below(7'200'000)),
                           .rate = 1.0 + (static_cast<double>(random_.below(401)) - 200.0) / 1e6});
      at(static_cast<std::int64_t>(random_.below(250)), [this, i] { look_often(i); });
    }
  }

  void at(std::int64_t when_ms, std::function<void()> event) { events_.emplace(when_ms, std::move(event)); }
  void set_limit(std::int64_t limit) { limits_[now_ms_] = limit; }
  /// A replica hears of the new limit as the feed brings it.
  void tell_limit(std::size_t replica) { replicas_[replica].known_limit = limit_at(now_ms_); }
  std::int64_t limit_at(std::int64_t when_ms) const { return std::prev(limits_.upper_bound(when_ms))->second; }

  /// The replica is gone with all it holds; another one takes its place, as after a restart.
  void crash(std::size_t replica) {
    replicas_[replica].lease = {};
    replicas_[replica].waiting = 0;
    ++replicas_[replica].life;
  }
  /// The process stands still (SIGSTOP); what comes meanwhile is seen when it wakes.
  void freeze(std::size_t replica, std::int64_t for_ms) { replicas_[replica].frozen_until_ms = now_ms_ + for_ms; }
  /// Gives back all it holds, as before an orderly end.
  void retire(std::size_t replica) {
    if (auto ask = replicas_[replica].lease.give_back(tick_of(replicas_[replica]))) send(replica, *std::move(ask));
    crash(replica);
  }
  void set_store_reachable(bool is_reachable) { is_reachable_ = is_reachable; }
  void turn_store_clock(std::int64_t by_ms) { store_offset_ms_ += by_ms; }

  void run(const std::vector<Arrival>& arrivals, std::int64_t until_ms) {
    auto next = arrivals.begin();
    while (now_ms_ < until_ms) {
      const std::int64_t arrival_ms = next == arrivals.end() ? until_ms : next->at_ms;
      if (!events_.empty() && events_.begin()->first <= arrival_ms) {
        const auto event = events_.extract(events_.begin());
        now_ms_ = std::max(now_ms_, event.key());
        event.mapped()();
      } else {
        now_ms_ = arrival_ms;
        if (next == arrivals.end()) continue;
        const std::size_t replica = next++->replica;
        when_awake(replica, [this, replica] { arrive(replica); });
      }
    }
  }

  /// The largest number of requests above the limit in any 60 s. A lowered limit binds from one lease later on.
  std::int64_t excess() const {
    std::int64_t worst = INT64_MIN;
    for (std::size_t first = 0, last = 0; last < admitted_.size(); ++last) {
      while (admitted_[first] <= admitted_[last] - 60'000) ++first;
      std::int64_t limit = limit_at(admitted_[last]);
      for (const auto& [since_ms, set] : limits_) {
        if (admitted_[last] - 10'000 <= since_ms && since_ms <= admitted_[last])
          limit = std::max({limit, set, since_ms > 0 ? limit_at(since_ms - 1) : 0});
      }
      worst = std::max(worst, static_cast<std::int64_t>(last - first + 1) - limit);
    }
    return worst;
  }
  /// When requests were admitted.
  const std::vector<std::int64_t>& admitted() const { return admitted_; }
  std::int64_t admitted_between(std::int64_t from_ms, std::int64_t until_ms) const {
    return std::ranges::count_if(admitted_, [&](std::int64_t at_ms) { return from_ms <= at_ms && at_ms < until_ms; });
  }
  std::int64_t asks() const { return asks_; }
  std::int64_t unknown() const { return unknown_; }
  /// Decisions that no headers could be made of.
  std::int64_t unsound() const { return unsound_; }
  std::size_t row_bytes_max() const { return row_bytes_max_; }

 private:
  struct Replica {
    RateLease lease = {};
    std::int64_t offset_ms = 0;
    double rate = 1.0;
    std::int64_t frozen_until_ms = 0;
    std::int64_t waiting = 0;
    std::int64_t known_limit = -1;  // -1: knows at once
    std::uint64_t life = 0;
  };
  struct Letter {
    std::size_t replica = 0;
    std::uint64_t life = 0;
    Tick asked = {};
  };

  Tick tick_of(const Replica& replica) const {
    return Tick(std::chrono::milliseconds(replica.offset_ms + 3'600'000 +
                                          static_cast<std::int64_t>(static_cast<double>(now_ms_) * replica.rate)));
  }
  std::int64_t limit_of(const Replica& replica) const {
    return replica.known_limit < 0 ? limit_at(now_ms_) : replica.known_limit;
  }
  std::int64_t draw_delay() {
    if (random_.below(100) < settings_.slow_percent) return static_cast<std::int64_t>(random_.below(15'000));
    return static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(settings_.delay_max_ms) + 1));
  }
  bool is_lost() { return !is_reachable_ || random_.below(100) < settings_.lost_percent; }

  /// Now, or when the replica wakes.
  void when_awake(std::size_t replica, std::function<void()> event) {
    if (now_ms_ >= replicas_[replica].frozen_until_ms) return event();
    at(replicas_[replica].frozen_until_ms, std::move(event));
  }
  void arrive(std::size_t replica) {
    Replica& own = replicas_[replica];
    if (settle(own.lease.admit(tick_of(own), limit_of(own)))) return;
    ++own.waiting;
    look(replica);
  }
  bool settle(const std::optional<RateDecision>& decision) {
    if (!decision) return false;
    if (decision->admitted) admitted_.push_back(now_ms_);
    if (decision->unknown) ++unknown_;
    const bool is_sound = decision->remaining >= 0 && (decision->admitted || decision->retry_after_s > 0);
    if (!is_sound) ++unsound_;
    return true;
  }
  void look_often(std::size_t replica) {
    when_awake(replica, [this, replica] { look(replica); });
    at(now_ms_ + 250, [this, replica] { look_often(replica); });
  }
  void look(std::size_t replica) {
    Replica& own = replicas_[replica];
    if (auto ask = own.lease.ask(tick_of(own), own.waiting)) send(replica, *std::move(ask));
  }
  /// The message takes effect in the store even if its sender has stopped waiting.
  void send(std::size_t replica, RateAsk ask) {
    ++asks_;
    const Letter letter{.replica = replica, .life = replicas_[replica].life, .asked = tick_of(replicas_[replica])};
    const std::int64_t arrives_in_ms = draw_delay();
    const std::int64_t answered_in_ms = arrives_in_ms + draw_delay();
    const bool arrives = !is_lost();
    const bool is_answered = arrives && !is_lost() && answered_in_ms <= 3'000;
    if (!is_answered)
      at(now_ms_ + 3'000, [=, this] { when_awake(replica, [=, this] { receive(letter, std::nullopt); }); });
    if (!arrives) return;
    at(now_ms_ + arrives_in_ms, [=, this] {
      const RateGrant grant = decide(ask);
      if (!is_answered) return;
      at(now_ms_ + answered_in_ms - arrives_in_ms,
         [=, this] { when_awake(replica, [=, this] { receive(letter, grant); }); });
    });
  }
  RateGrant decide(const RateAsk& ask) {
    RateBudget budget = RateBudget::decode(row_).value();
    const RateGrant grant = budget.decide(ask, limit_at(now_ms_), instant_from_ms(store_offset_ms_ + now_ms_));
    row_ = budget.encode();
    row_bytes_max_ = std::max(row_bytes_max_, row_.size());
    return grant;
  }
  void receive(const Letter& letter, const std::optional<RateGrant>& grant) {
    Replica& own = replicas_[letter.replica];
    if (own.life != letter.life) return;
    if (grant)
      own.lease.receive(*grant, letter.asked, tick_of(own));
    else
      own.lease.fail(tick_of(own));
    while (own.waiting > 0 && settle(own.lease.decide(tick_of(own), limit_of(own)))) --own.waiting;
    look(letter.replica);
  }

  const WorldSettings settings_;
  SeededRandom random_;
  std::multimap<std::int64_t, std::function<void()>> events_;
  std::int64_t now_ms_ = 0;
  std::int64_t store_offset_ms_ = 1'763'985'600'000;
  bool is_reachable_ = true;
  std::string row_;
  std::map<std::int64_t, std::int64_t> limits_;  // by the time they were set
  std::vector<Replica> replicas_;
  std::vector<std::int64_t> admitted_;
  std::int64_t asks_ = 0;
  std::int64_t unknown_ = 0;
  std::int64_t unsound_ = 0;
  std::size_t row_bytes_max_ = 0;
};

}  // namespace cadastre

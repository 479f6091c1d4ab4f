// The worker of the shared pool: gives its room to those that wait, and has every VM and its reservation agree.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "service/shared_pool.h"

namespace cadastre {

struct PoolWorkerSettings {
  std::chrono::milliseconds pause{250};    ///< Between two looks; placing within a second hangs on it.
  std::chrono::seconds compare_every{30};  ///< How often everything is compared, whether there is news or not.
  std::size_t tenants_max = 128;           ///< Served in a turn; the next goes on after the last.
  std::size_t of_tenant_max = 8;           ///< Of each the oldest that some node can take.
  std::size_t tenants_looked_at_max = 1000;
  std::size_t of_tenant_looked_at_max = 1000;  ///< VMs that would fit by size; of all tenants ten times as many.
};

/// Looks a few times a second: at what changed of VMs on the pool and of its nodes, and at who waits. That costs as
/// much as there is of both, however many tenants there are. Several at once do no harm, they do the same work twice:
/// every step says in its transaction what it goes by.
class PoolWorker {
 public:
  /// `is_at_work`: whether this process gives room away, of those on the store. All outlive the worker.
  PoolWorker(Store& store, const Services& services, std::function<bool()> is_at_work,
             PoolWorkerSettings settings = {});
  PoolWorker(const PoolWorker&) = delete;
  PoolWorker& operator=(const PoolWorker&) = delete;
  ~PoolWorker();

  /// Works from a thread of its own.
  void start();
  /// Ends that thread after its turn; whoever still waits is told.
  void stop();
  /// Calls `done` on the worker's thread once what was committed before is settled, or could not be now: then it is
  /// tried again. Must be quick and must not throw.
  void settle_soon(std::function<void()> done);

  /// Settles what there is news of; with room to give, gives it. Answers whether it gave any: then there may be more
  /// for another turn at once. Throws StoreFailure: what was begun goes on in another turn.
  bool take_turn(Reader& reader, bool gives_room);

 private:
  /// A VM that may have a reservation in that pool.
  using Key = std::pair<TenantId, VmId>;

  void run(const std::stop_token& stop);
  bool try_turn(Reader& reader, bool is_asked);
  /// False when there may be more.
  bool settle_news(Reader& reader);
  void compare_all(Reader& reader, bool tells_agents);
  bool give_room(Reader& reader, const TenantId& pool);
  struct Waiting {
    std::vector<Vm> vms;                ///< In order of tenant, and of age.
    std::optional<TenantId> cut_after;  ///< The last tenant looked at, where more may wait.
  };
  /// What the pool has to give, and how much is looked at to give it.
  struct Offer {
    std::vector<Node> nodes;
    Instant now;
    Room most = most_room(nodes, PlacementRules{}, now);
    std::size_t vms_looked_at = 0;
  };
  Waiting find_waiting(Reader& reader, const TenantId& pool, Offer offer);
  std::vector<Vm> find_waiting_of(Reader& reader, const TenantId& tenant, Offer& offer);
  std::optional<TenantId> next_in_turn(Reader& reader, const TenantId& after, bool& has_turned);
  void forget_places(Reader& reader);
  void settle(Reader& reader, const std::map<Key, bool>& keys);
  void settle(Reader& reader, std::vector<PoolMatter> matters);
  void leave(std::vector<PoolMatter>& matters, const std::function<bool(const PoolMatter&)>& is_left);
  bool step_in_vms(Reader& reader, std::vector<PoolMatter>& matters);
  void step_in_pools(const std::vector<PoolMatter>& matters);
  std::vector<bool> run_all(std::vector<Change> changes);

  Store& store_;
  const Services& services_;
  const std::function<bool()> is_at_work_;
  const PoolWorkerSettings settings_;
  TenantId served_last_ = TenantId::platform();
  std::map<TenantId, VmId> looked_at_last_;  // where so many that fit nowhere wait that one turn does not see all
  bool was_at_work_ = false;                 // in the last turn, which did not fail
  bool has_failed_ = false;
  Tick compared_at_;
  std::map<Key, bool> left_;  // to be settled in the next turn: a tenant's queue was full, or another was at it

  std::mutex mutex_;  // guards what follows
  std::vector<std::function<void()>> asked_;
  bool is_stopped_ = false;
  std::condition_variable_any woken_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace cadastre

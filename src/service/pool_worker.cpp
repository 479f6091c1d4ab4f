#include "service/pool_worker.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "service/placements.h"

namespace cadastre {
namespace {

constexpr std::size_t news_a_page = 1000;
constexpr int news_pages_a_turn = 20;
constexpr std::size_t reservations_a_page = 1000;
constexpr int steps_max = 8;  // each VM needs fewer; more only when others change it all the while

/// Whether the tenant's VMs may be given anything now.
bool may_be_served(Reader& reader, const TenantId& id) {
  const auto tenant = reader.tenant(id);
  return tenant && admit_change(*tenant);
}

/// A node of its own tenant's that the VM is to run on alone: no other of that name will do.
bool waits_for_own_node(Reader& reader, const Vm& vm) {
  return !vm.preferred_node.empty() && reader.node(vm.tenant, vm.preferred_node).has_value();
}

bool is_any(const Room& room) { return room.ram > Mebibytes{0} && room.vcpus > VcpuCount{0}; }

/// Counts the changes that are not done, and keeps the first failure.
class Outcomes {
 public:
  explicit Outcomes(std::size_t count) : left_(count) {}
  void note(const std::exception_ptr& failure) {
    const std::scoped_lock lock(mutex_);
    if (failure && !first_) first_ = failure;
    if (--left_ == 0) all_done_.notify_one();
  }
  /// Throws the first failure.
  void wait() {
    std::unique_lock lock(mutex_);
    all_done_.wait(lock, [this] { return left_ == 0; });
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_done_;
  std::size_t left_;
  std::exception_ptr first_;
};

void expect_done(const std::vector<bool>& done) {
  if (std::ranges::count(done, false) > 0) throw StoreFailure("the pool's queue of changes is full");
}

/// The VM of the reservation, or nothing inside when it is gone; nothing at all when the reservation is not as it was
/// read. The VM is read first, and is not older than the reservation: so as long as it does not change, the room that
/// it has is this one.
std::optional<std::optional<Vm>> vm_of(Reader& reader, const PoolReservation& reservation) {
  for (;;) {
    auto vm = reader.vm(reservation.vm_tenant, reservation.vm);
    const auto now = reader.pool_reservation(reservation.pool, reservation.vm);
    if (!now || number_of(*now) != number_of(reservation)) return std::nullopt;
    if (!vm || vm->revision >= reservation.vm_revision) return vm;
  }
}

}  // namespace

PoolWorker::PoolWorker(Store& store, const Services& services, std::function<bool()> is_at_work,
                       PoolWorkerSettings settings)
    : store_(store), services_(services), is_at_work_(std::move(is_at_work)), settings_(settings) {}

PoolWorker::~PoolWorker() { stop(); }

void PoolWorker::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void PoolWorker::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  std::vector<std::function<void()>> left;
  {
    const std::scoped_lock lock(mutex_);
    is_stopped_ = true;
    left.swap(asked_);
  }
  for (const auto& done : left) done();
}

void PoolWorker::settle_soon(std::function<void()> done) {
  {
    const std::scoped_lock lock(mutex_);
    if (!is_stopped_) {
      asked_.push_back(std::move(done));
      woken_.notify_one();
      return;
    }
  }
  done();
}

void PoolWorker::run(const std::stop_token& stop) {
  const auto reader = store_.open_reader();
  std::unique_lock lock(mutex_);
  for (bool goes_on = false; !stop.stop_requested();) {
    if (!goes_on) woken_.wait_for(lock, stop, settings_.pause, [this] { return !asked_.empty(); });
    const auto asked = std::exchange(asked_, {});
    lock.unlock();
    goes_on = try_turn(*reader, !asked.empty());
    for (const auto& done : asked) done();
    lock.lock();
  }
}

/// The log says what the register cannot do, once, and the next turn tries again: then all is compared.
bool PoolWorker::try_turn(Reader& reader, bool is_asked) {
  const bool works = is_at_work_();
  if (!works) was_at_work_ = false;
  if (!works && !is_asked) return false;
  try {
    const bool gave = take_turn(reader, works);
    has_failed_ = false;
    return gave;
  } catch (const std::runtime_error& fault) {
    was_at_work_ = false;
    if (!has_failed_) log::error("the shared pool cannot be seen to; it is tried again", {{"error", fault.what()}});
    has_failed_ = true;
    return false;
  }
}

bool PoolWorker::take_turn(Reader& reader, bool gives_room) {
  settle(reader, std::exchange(left_, {}));
  for (int page = 0; page < news_pages_a_turn && !settle_news(reader); ++page) continue;
  if (!gives_room) return false;
  const Tick now = services_.clock.tick();
  if (!was_at_work_ || now >= compared_at_ + settings_.compare_every) {
    compare_all(reader, !was_at_work_);
    forget_places(reader);
    compared_at_ = now;
  }
  was_at_work_ = true;
  const auto& pool = services_.deployment.shared_pool;
  return pool && give_room(reader, *pool);
}

bool PoolWorker::settle_news(Reader& reader) {
  const auto news = reader.pool_news(news_a_page);
  if (news.empty()) return true;
  std::map<Key, bool> keys;
  std::map<TenantId, std::vector<PoolNews>> by_tenant;
  for (const PoolNews& each : news) {
    keys[{each.pool, each.vm}] |= each.tenant != each.pool;  // what the pool itself changed its agents have told it
    by_tenant[each.tenant].push_back(each);
  }
  settle(reader, keys);
  std::vector<Change> changes;
  for (const auto& [tenant, settled] : by_tenant) {
    changes.push_back({.tenant = tenant,
                       .body =
                           [this, &settled](Tx& tx) {
                             for (const PoolNews& each : settled) {
                               if (!left_.contains({each.pool, each.vm})) tx.erase(each);
                             }
                             return Verdict::commit;
                           },
                       .done = {}});
  }
  run_all(std::move(changes));  // what stays is settled once more
  return news.size() < news_a_page;
}

/// What a process that ended has left half done, and, to be sure, whatever else does not agree. Who begins also tells
/// the agents, since that may have been left too.
void PoolWorker::compare_all(Reader& reader, bool tells_agents) {
  for (PoolWalk walk{.limit = reservations_a_page};;) {
    const auto page = reader.all_pool_reservations(walk);
    std::map<Key, bool> keys;
    for (const PoolReservation& each : page) {
      const bool agrees = pool_step(each, reader.vm(each.vm_tenant, each.vm)) == PoolStep::keep;
      if (!agrees || tells_agents) keys[{each.pool, each.vm}] = true;
    }
    settle(reader, keys);
    if (page.size() < walk.limit) return;
    walk.after_pool = page.back().pool;
    walk.after = page.back().vm;
  }
}

bool PoolWorker::give_room(Reader& reader, const TenantId& pool) {
  if (!reader.next_waiting_tenant(TenantId::platform())) return false;
  const auto [waiting, cut_after] = find_waiting(reader, pool, {all_nodes(reader, pool), services_.clock.now()});
  if (waiting.empty()) {
    if (cut_after) served_last_ = *cut_after;  // room for none of these is no reason to pass over the others
    return false;
  }
  std::vector<PoolReservation> taken;
  expect_done(run_all({{.tenant = pool,
                        .body =
                            [&, &vms = waiting](Tx& tx) {
                              taken = reserve_on_pool(tx, services_, pool, vms, served_last_);
                              return taken.empty() ? Verdict::drop : Verdict::commit;
                            },
                        .done = {}}}));
  if (taken.empty()) return false;
  served_last_ = taken.back().vm_tenant;
  std::vector<PoolMatter> matters;
  for (PoolReservation& each : taken) matters.push_back({.reservation = std::move(each), .tells_agent = true});
  settle(reader, std::move(matters));
  return true;
}

/// Of as many tenants as are served in one turn, from whose turn it is on, what some node can take.
PoolWorker::Waiting PoolWorker::find_waiting(Reader& reader, const TenantId& pool, Offer offer) {
  Waiting waiting;
  if (!is_any(offer.most)) return waiting;
  const std::size_t vms_max = 10 * settings_.of_tenant_looked_at_max;
  TenantId after = served_last_;
  bool has_turned = after.is_platform();
  std::size_t looked_at = 0;
  for (std::size_t served = 0; const auto tenant = next_in_turn(reader, after, has_turned);) {
    after = *tenant;
    ++looked_at;
    if (after != pool && may_be_served(reader, after)) {
      auto some = find_waiting_of(reader, after, offer);
      if (!some.empty()) ++served;
      std::ranges::move(some, std::back_inserter(waiting.vms));
    }
    const bool is_enough = looked_at == settings_.tenants_looked_at_max || offer.vms_looked_at >= vms_max;
    if (is_enough || served == settings_.tenants_max) {
      waiting.cut_after = after;
      break;
    }
  }
  std::ranges::sort(waiting.vms, std::less{}, [](const Vm& vm) { return std::tie(vm.tenant, vm.id); });
  return waiting;
}

/// Who waits and comes after that one; nothing once all have had their turn, the one served last at the end.
std::optional<TenantId> PoolWorker::next_in_turn(Reader& reader, const TenantId& after, bool& has_turned) {
  const bool is_end = has_turned && after == served_last_ && !after.is_platform();
  if (is_end) return std::nullopt;
  auto next = reader.next_waiting_tenant(after);
  if (!next && !has_turned) {
    has_turned = true;
    next = reader.next_waiting_tenant(TenantId::platform());
  }
  const bool is_past = has_turned && !served_last_.is_platform() && next > served_last_;
  return is_past ? std::nullopt : next;
}

/// The oldest that some node can take now, however many that fit nowhere are older.
std::vector<Vm> PoolWorker::find_waiting_of(Reader& reader, const TenantId& tenant, Offer& offer) {
  WaitingQuery query{.after = {}, .most = offer.most, .limit = settings_.of_tenant_max};
  if (const auto place = looked_at_last_.extract(tenant); !place.empty()) query.after = place.mapped();
  std::vector<Vm> found;
  for (std::size_t looked_at = 0; looked_at < settings_.of_tenant_looked_at_max; looked_at += query.limit) {
    auto page = reader.waiting_vms(tenant, query);
    offer.vms_looked_at += page.size();
    const bool is_last = page.size() < query.limit;
    if (!page.empty()) query.after = page.back().id;
    for (Vm& vm : page) {
      const bool fits = choose_node(offer.nodes, placement_order_of(vm), PlacementRules{}, offer.now).has_value();
      if (fits && !waits_for_own_node(reader, vm)) found.push_back(std::move(vm));
    }
    if (is_last || found.size() >= settings_.of_tenant_max) return found;
  }
  if (found.empty()) looked_at_last_.insert_or_assign(tenant, *query.after);
  return found;
}

/// Of tenants that have nothing waiting there any more.
void PoolWorker::forget_places(Reader& reader) {
  std::erase_if(looked_at_last_, [&](const auto& place) {
    return reader.waiting_vms(place.first, {.after = place.second, .most = room_for_all, .limit = 1}).empty();
  });
}

void PoolWorker::settle(Reader& reader, const std::map<Key, bool>& keys) {
  std::vector<PoolMatter> matters;
  for (const auto& [key, tells_agent] : keys) {
    if (auto reservation = reader.pool_reservation(key.first, key.second))
      matters.push_back({.reservation = *std::move(reservation), .tells_agent = tells_agent});
  }
  settle(reader, std::move(matters));
}

void PoolWorker::settle(Reader& reader, std::vector<PoolMatter> matters) {
  for (int steps = 0; step_in_vms(reader, matters); ++steps) {
    if (steps < steps_max) continue;
    leave(matters, [](const PoolMatter& matter) { return is_step_of_vm(matter.step); });
    break;
  }
  if (!matters.empty()) step_in_pools(matters);
}

/// To the next turn.
void PoolWorker::leave(std::vector<PoolMatter>& matters, const std::function<bool(const PoolMatter&)>& is_left) {
  for (const PoolMatter& matter : matters) {
    if (is_left(matter)) left_[{matter.reservation.pool, matter.reservation.vm}] |= matter.tells_agent;
  }
  std::erase_if(matters, is_left);
}

/// The next steps that are in the VMs' namespaces, side by side. False when there is none left. Reservations that
/// somebody else has changed are looked at again in the next turn.
bool PoolWorker::step_in_vms(Reader& reader, std::vector<PoolMatter>& matters) {
  struct Group {
    std::vector<PoolMatter*> matters;
    std::vector<PoolTask> tasks;
    std::vector<PoolReservation> settled;
  };
  std::map<TenantId, Group> groups;
  std::vector<std::optional<Vm>> vms;
  std::erase_if(matters, [&](const PoolMatter& matter) {
    auto vm = vm_of(reader, matter.reservation);
    if (vm)
      vms.push_back(*std::move(vm));
    else
      left_[{matter.reservation.pool, matter.reservation.vm}] |= matter.tells_agent;
    return !vm;
  });
  for (std::size_t i = 0; i < matters.size(); ++i) {
    PoolMatter& matter = matters[i];
    matter.step = pool_step(matter.reservation, vms[i]);
    if (!is_step_of_vm(matter.step)) continue;
    matter.tells_agent = matter.tells_agent || matter.step != PoolStep::report;
    Group& group = groups[matter.reservation.vm_tenant];
    group.matters.push_back(&matter);
    group.tasks.push_back({matter.reservation, vms[i]->revision});
  }
  std::vector<Change> changes;
  for (auto& [tenant, group] : groups) {
    changes.push_back({.tenant = tenant,
                       .body =
                           [this, &group](Tx& tx) {
                             group.settled = settle_vms(tx, services_, group.tasks);
                             return Verdict::commit;
                           },
                       .done = {}});
  }
  const std::vector<bool> done = run_all(std::move(changes));
  std::set<TenantId> left;
  for (std::size_t at = 0; auto& [tenant, group] : groups) {
    if (!done[at++]) {
      left.insert(tenant);
      continue;
    }
    for (std::size_t i = 0; i < group.matters.size(); ++i) group.matters[i]->reservation = std::move(group.settled[i]);
  }
  leave(matters, [&](const PoolMatter& matter) {
    return is_step_of_vm(matter.step) && left.contains(matter.reservation.vm_tenant);
  });
  return !groups.empty();
}

void PoolWorker::step_in_pools(const std::vector<PoolMatter>& matters) {
  std::map<TenantId, std::vector<PoolMatter>> by_pool;
  for (const PoolMatter& matter : matters) by_pool[matter.reservation.pool].push_back(matter);
  std::vector<Change> changes;
  for (const auto& [pool, settled] : by_pool) {
    changes.push_back({.tenant = pool,
                       .body =
                           [&pool, &settled](Tx& tx) {
                             settle_pool(tx, pool, settled);
                             return Verdict::commit;
                           },
                       .done = {}});
  }
  expect_done(run_all(std::move(changes)));
}

/// Side by side, each in its tenant's namespace, and waits for all of them. Answers which were done: the queue of the
/// others' tenant was full, which is nobody else's trouble. Throws the first failure.
std::vector<bool> PoolWorker::run_all(std::vector<Change> changes) {
  Outcomes outcomes(changes.size());
  std::vector<bool> done(changes.size(), true);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    changes[i].done = [&outcomes](const std::exception_ptr& failure) { outcomes.note(failure); };
    try {
      done[i] = store_.submit(std::move(changes[i]));
      if (!done[i]) outcomes.note(nullptr);
    } catch (const StoreFailure&) {
      outcomes.note(std::current_exception());
    }
  }
  outcomes.wait();
  return done;
}

}  // namespace cadastre

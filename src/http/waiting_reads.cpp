#include "http/waiting_reads.h"

#include <algorithm>
#include <utility>

namespace cadastre::http {
namespace {

constexpr std::chrono::milliseconds look_every{100};
constexpr std::chrono::seconds ask_every{1};  // where changes may have been missed

}  // namespace

WaitingReads::WaitingReads(const Clock& clock, bool hears_all)
    : clock_(clock), hears_all_(hears_all), thread_([this](const std::stop_token& stop) { run(stop); }) {}

WaitingReads::~WaitingReads() { end(); }

void WaitingReads::wait(std::shared_ptr<TenantGate> gate, std::int64_t seen, Tick deadline,
                        std::function<void()> wake) {
  {
    const std::scoped_lock lock(mutex_);
    if (!is_ended_) {
      const Tick until = hears_all_ ? deadline : std::min(deadline, clock_.tick() + ask_every);
      waiting_.push_back({std::move(gate), seen, until, std::move(wake)});
      return;
    }
  }
  wake();
}

void WaitingReads::end() {
  std::vector<Waiting> left;
  {
    const std::scoped_lock lock(mutex_);
    is_ended_ = true;
    left.swap(waiting_);
  }
  for (const Waiting& waiting : left) waiting.wake();
}

bool WaitingReads::is_ended() const {
  const std::scoped_lock lock(mutex_);
  return is_ended_;
}

std::vector<WaitingReads::Waiting> WaitingReads::take_due(Tick now) {
  const auto due = [now](const Waiting& waiting) {
    return waiting.gate->revision() != waiting.seen || now >= waiting.until;
  };
  std::vector<Waiting> taken;
  for (Waiting& waiting : waiting_) {
    if (due(waiting)) taken.push_back(std::exchange(waiting, {}));
  }
  std::erase_if(waiting_, [](const Waiting& waiting) { return waiting.gate == nullptr; });
  return taken;
}

void WaitingReads::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    stopped_.wait_for(lock, stop, look_every, [] { return false; });
    const auto due = take_due(clock_.tick());
    lock.unlock();
    for (const Waiting& waiting : due) waiting.wake();
    lock.lock();
  }
}

}  // namespace cadastre::http

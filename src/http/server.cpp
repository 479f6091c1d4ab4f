#include "http/server.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "http/listener.h"
#include "http/server_worker.h"

namespace cadastre::http {

struct Server::Shared {
  WorkerGroup group;
  std::vector<std::uint16_t> ports = {};
  std::vector<std::thread> threads = {};
  std::mutex mutex = {};
  std::condition_variable ended = {};
  std::size_t running = 0;  ///< Threads; guarded by the mutex.
};

Server::Server(const Settings& settings, Handler& handler, const Clock& clock)
    : shared_(
          new Shared{.group = {.limits = settings.limits, .handler = handler, .clock = clock, .tls = settings.tls}}) {
  CHECK_INVARIANT(settings.limits.head_bytes_max <= head_bytes_possible);
  const unsigned count = settings.threads > 0 ? settings.threads : std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) shared_->group.workers.push_back(std::make_unique<Worker>(shared_->group, i));
  for (const std::string& text : settings.listen) {
    ListenAddress address = parse_listen_address(text);
    expect_free(address);
    for (const auto& worker : shared_->group.workers) {
      Descriptor socket = listen_on(address);
      address.port = port_of(socket);  // from here on the one that the system chose
      worker->listen(std::move(socket), address.is_v6);
    }
    shared_->ports.push_back(address.port);
  }
}

Server::~Server() { stop(std::chrono::milliseconds(0)); }

void Server::start() {
  shared_->running = shared_->group.workers.size();
  for (const auto& worker : shared_->group.workers) {
    shared_->threads.emplace_back([this, &worker = *worker] {
      worker.run();
      const std::lock_guard lock(shared_->mutex);
      --shared_->running;
      shared_->ended.notify_all();
    });
  }
}

bool Server::stop(std::chrono::milliseconds patience) {
  if (shared_->threads.empty()) return true;
  for (const auto& worker : shared_->group.workers) worker->post([&worker = *worker] { worker.begin_stop(); });
  std::unique_lock lock(shared_->mutex);
  const bool in_time = shared_->ended.wait_for(lock, patience, [this] { return shared_->running == 0; });
  lock.unlock();
  if (!in_time) {
    for (const auto& worker : shared_->group.workers) worker->post([&worker = *worker] { worker.cut_off(); });
  }
  for (auto& thread : shared_->threads) thread.join();
  shared_->threads.clear();
  return in_time;
}

std::vector<std::uint16_t> Server::ports() const { return shared_->ports; }
const Counters& Server::counters() const { return shared_->group.counters; }

}  // namespace cadastre::http

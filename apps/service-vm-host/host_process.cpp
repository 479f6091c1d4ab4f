#include "host_process.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>

#include "agent/agent.h"
#include "agent/image_cache.h"
#include "agent/wish_journal.h"
#include "api_control_plane.h"
#include "base/log.h"
#include "compute/open_hypervisor.h"
#include "download.h"
#include "host_state.h"
#include "image_folder.h"
#include "machine_facts.h"

namespace cadastre {
namespace {

constexpr std::chrono::milliseconds end_patience{1500};
constexpr std::chrono::seconds probe_limit{30};  // nothing else waits for it, and a busy machine is slow

/// SIGTERM and SIGINT, blocked in every thread that starts after it; a thread of its own takes them. When the agent
/// has not ended some time after, because something below it hangs, the process ends all the same: nothing is lost.
class EndSignals {
 public:
  explicit EndSignals(std::stop_source& stop) : stop_(stop) {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    thread_ = std::jthread([this] { run(); });
  }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;
  ~EndSignals() {
    {
      const std::scoped_lock lock(mutex_);
      has_ended_ = true;
    }
    ended_.notify_all();
    ::pthread_kill(thread_.native_handle(), SIGTERM);
  }

 private:
  void run() {
    int signal = 0;
    sigwait(&set_, &signal);
    std::unique_lock lock(mutex_);
    if (has_ended_) return;
    log::info("stopping; the guests run on", {{"signal", signal}});
    stop_.request_stop();
    if (ended_.wait_for(lock, end_patience, [this] { return has_ended_; })) return;
    log::warn("the hypervisor or the network still holds a call; it is not waited for");
    _exit(0);
  }

  std::stop_source& stop_;
  sigset_t set_{};
  std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

std::optional<BootSource> usual_boot(const Settings& settings) {
  if (!settings.kernel.empty()) return KernelBoot{settings.kernel, settings.initrd, settings.cmdline};
  if (!settings.image.empty()) return ImageBoot{settings.image, DiskFormat::qcow2};
  return std::nullopt;
}

PrivateKey enrolled_key(const HostState& state, const Settings& settings) {
  auto key = state.find_key();
  if (!key || !state.has_token() || !state.find_enrolment())
    throw std::runtime_error(
        fmt::format("nothing is enrolled in {}: run `service-vm-host enrol` first", settings.state_dir));
  return *std::move(key);
}

}  // namespace

int run_agent(const Settings& settings) {
  const HostState state(settings.state_dir);
  const PrivateKey key = enrolled_key(state, settings);
  DeviceToken token(state.token_file());
  WishJournal journal(state.journal_file());
  const SystemClock clock;
  SystemRandom random;
  Wakeup guests_changed;
  std::stop_source stop;
  const EndSignals signals(stop);  // before every other thread
  const auto hypervisor = open_hypervisor({.uri = settings.libvirt_uri,
                                           .folder = settings.guests_dir,
                                           .probe_limit = probe_limit,
                                           .changed = [&] { guests_changed.ring(); }},
                                          clock, random);
  ApiControlPlane control_plane({.url = settings.controller, .ca_file = settings.ca_file, .node_id = settings.node_id},
                                key, token, clock, random);
  const ImageFolder images(settings.images_dir, usual_boot(settings));
  ImageCache cache(
      state.image_cache_folder(),
      [&settings](const ImageFile& file, const std::string& path, const std::stop_token& ending) {
        return download(file, path, ending, {.ca_file = settings.ca_file});
      },
      [&guests_changed] { guests_changed.ring(); });
  const auto find_boot = [&](const WishedGuest& wish) -> Result<std::optional<BootSource>> {
    if (wish.image) return cache.find(*wish.image);
    return TRY(images.find(wish.vm_type));
  };
  Agent agent(control_plane, *hypervisor, find_boot, journal, clock, random, guests_changed, agent_settings(settings));
  log::info("ready", {{"controller", settings.controller},
                      {"tenant", settings.tenant},
                      {"node_id", settings.node_id},
                      {"libvirt_uri", settings.libvirt_uri},
                      {"state_dir", settings.state_dir}});
  agent.run(stop.get_token());
  return 0;
}

}  // namespace cadastre

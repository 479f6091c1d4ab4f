// The thread on which libvirt keeps connections alive and tells of events.
#pragma once

#include <atomic>
#include <thread>

namespace cadastre {

/// Runs libvirt's event loop, which is one for the whole process: at most one of these lives at a time, from before the
/// first connection is opened until after the last is closed.
class LibvirtEvents {
 public:
  LibvirtEvents();
  LibvirtEvents(const LibvirtEvents&) = delete;
  LibvirtEvents& operator=(const LibvirtEvents&) = delete;
  ~LibvirtEvents();

 private:
  std::atomic<bool> stopping_ = false;
  int waker_ = -1;  ///< A timer that is only ever set off to end the loop's wait.
  std::thread thread_;
};

}  // namespace cadastre

// One connection to libvirt, with what it tells of by itself.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "compute/domain_xml.h"
#include "compute/libvirt_handles.h"

namespace cadastre {

/// Open from construction on; once it is lost it stays so, and another takes its place. Safe to use from several
/// threads, as libvirt's connections are.
class LibvirtConnection {
 public:
  /// `changed` is called, on the thread of LibvirtEvents, when a guest began, ended or was changed, and when the
  /// connection was lost. It says no more than that it is time to look. Throws HypervisorAway.
  LibvirtConnection(const std::string& uri, std::function<void()> changed);
  LibvirtConnection(const LibvirtConnection&) = delete;
  LibvirtConnection& operator=(const LibvirtConnection&) = delete;
  ~LibvirtConnection();

  virConnectPtr get() const { return handle_.get(); }
  bool is_alive() const;
  DomainKind kind() const { return kind_; }
  /// What the last failed call of this thread comes to: a refusal that begins with `doing`, such as "The guest could
  /// not be started". Throws HypervisorAway when it failed because nobody answers any more.
  std::unexpected<Refusal> refuse_last(std::string_view doing) const;
  /// The same where no refusal would help. Always throws.
  [[noreturn]] void throw_last(std::string_view doing) const;

 private:
  struct Watch;  ///< Shared with libvirt's callbacks, which may still run when this object goes.
  ConnectHandle handle_;
  std::shared_ptr<Watch> watch_;
  int events_id_ = -1;
  DomainKind kind_ = DomainKind::qemu;
};

}  // namespace cadastre

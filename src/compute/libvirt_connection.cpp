#include "compute/libvirt_connection.h"

#include <fmt/format.h>

#include "service/hypervisor_port.h"

namespace cadastre {
namespace {

constexpr int keepalive_interval_s = 5;
constexpr unsigned keepalive_count = 3;  // so a frozen libvirtd counts as away after some 20 s

/// As VIR_DOMAIN_EVENT_CALLBACK does: libvirt casts it back to what the kind of event says.
virConnectDomainEventGenericCallback as_event_callback(virConnectDomainEventCallback callback) {
  return reinterpret_cast<virConnectDomainEventGenericCallback>(reinterpret_cast<void (*)()>(callback));
}

}  // namespace

struct LibvirtConnection::Watch {
  std::function<void()> changed;
  std::atomic<bool> is_lost = false;

  /// A reference of its own for the event callback, which may still run while it is taken back; libvirt frees it with
  /// `release`. The close callback needs none: taking it back waits for a call that runs.
  static void* share(const std::shared_ptr<Watch>& watch) { return new std::shared_ptr<Watch>(watch); }
  static void release(void* opaque) { delete static_cast<std::shared_ptr<Watch>*>(opaque); }

  static void on_close(virConnectPtr /*connect*/, int /*reason*/, void* opaque) {
    auto& watch = *static_cast<Watch*>(opaque);
    watch.is_lost = true;
    watch.changed();
  }
  static int on_event(virConnectPtr /*connect*/, virDomainPtr /*domain*/, int /*event*/, int /*detail*/, void* opaque) {
    (*static_cast<std::shared_ptr<Watch>*>(opaque))->changed();
    return 0;
  }
};

LibvirtConnection::LibvirtConnection(const std::string& uri, std::function<void()> changed)
    : handle_(virConnectOpen(uri.c_str())), watch_(std::make_shared<Watch>(std::move(changed))) {
  if (handle_ == nullptr) {
    throw HypervisorAway(fmt::format("libvirt at {} cannot be reached: {}", uri, last_error().message));
  }
  const char* const type = virConnectGetType(get());
  if (type != nullptr && std::string_view(type) == "TEST") kind_ = DomainKind::test;
  // Drivers inside this process have no connection that could be lost, and take nothing.
  virConnectRegisterCloseCallback(get(), Watch::on_close, watch_.get(), nullptr);
  virConnectSetKeepAlive(get(), keepalive_interval_s, keepalive_count);
  void* const events = Watch::share(watch_);
  events_id_ = virConnectDomainEventRegisterAny(get(), nullptr, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                as_event_callback(Watch::on_event), events, Watch::release);
  if (events_id_ >= 0) return;
  const auto error = last_error();
  Watch::release(events);
  virConnectUnregisterCloseCallback(get(), Watch::on_close);  // no destructor will, and the watch goes
  throw HypervisorAway(fmt::format("Events of guests cannot be followed: {}", error.message));
}

LibvirtConnection::~LibvirtConnection() {
  if (events_id_ >= 0) virConnectDomainEventDeregisterAny(get(), events_id_);
  virConnectUnregisterCloseCallback(get(), Watch::on_close);
}

bool LibvirtConnection::is_alive() const { return !watch_->is_lost && virConnectIsAlive(get()) == 1; }

std::unexpected<Refusal> LibvirtConnection::refuse_last(std::string_view doing) const {
  const auto error = last_error();
  if (!is_alive()) throw HypervisorAway(fmt::format("{}: libvirt went away: {}", doing, error.message));
  return refuse(Code::unavailable, "hypervisor", fmt::format("{}: {}", doing, error.message));
}

void LibvirtConnection::throw_last(std::string_view doing) const {
  throw HypervisorAway(fmt::format("{}: {}", doing, last_error().message));
}

}  // namespace cadastre

#include "compute/libvirt_events.h"

#include <stdexcept>

#include "compute/libvirt_handles.h"

namespace cadastre {
namespace {

/// Errors come back from the calls; libvirt would print each of them too.
void say_nothing(void* /*opaque*/, virErrorPtr /*error*/) {}

bool register_once() {
  static const bool is_registered = [] {
    virSetErrorFunc(nullptr, say_nothing);
    return virInitialize() == 0 && virEventRegisterDefaultImpl() == 0;
  }();
  return is_registered;
}

}  // namespace

LibvirtEvents::LibvirtEvents() {
  if (!register_once()) throw std::runtime_error("libvirt's event loop could not be set up: " + last_error().message);
  waker_ = virEventAddTimeout(-1, [](int /*timer*/, void* /*opaque*/) {}, nullptr, nullptr);
  if (waker_ < 0) throw std::runtime_error("libvirt's event loop has no timer: " + last_error().message);
  thread_ = std::thread([this] {
    while (!stopping_ && virEventRunDefaultImpl() == 0) {
    }
  });
}

LibvirtEvents::~LibvirtEvents() {
  stopping_ = true;
  virEventUpdateTimeout(waker_, 0);
  thread_.join();
  virEventRemoveTimeout(waker_);
}

}  // namespace cadastre

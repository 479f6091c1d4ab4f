// Owners of libvirt's handles.
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace cadastre {

struct ConnectCloser {
  void operator()(virConnectPtr connect) const { virConnectClose(connect); }
};
struct DomainFreer {
  void operator()(virDomainPtr domain) const { virDomainFree(domain); }
};
struct TextFreer {
  void operator()(char* text) const { std::free(text); }
};

using ConnectHandle = std::unique_ptr<virConnect, ConnectCloser>;
using DomainHandle = std::unique_ptr<virDomain, DomainFreer>;
using TextHandle = std::unique_ptr<char, TextFreer>;

/// What the last call that failed on this thread said.
struct LibvirtError {
  int code = VIR_ERR_OK;  ///< A virErrorNumber.
  std::string message;
};

inline LibvirtError last_error() {
  const virErrorPtr error = virGetLastError();
  if (error == nullptr) return {};
  return {error->code, error->message == nullptr ? "" : error->message};
}

}  // namespace cadastre

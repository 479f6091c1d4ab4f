// The control plane, as a node's agent sees it.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "domain/node.h"
#include "domain/vm_lifecycle.h"

namespace cadastre {

/// What a guest is to be; `remove` is `delete` on the wire.
enum class GuestWish { run, stop, remove };

/// One VM that is placed on this node, as it is wished to be.
struct WishedGuest {
  VmId id;
  TenantId tenant;
  std::int64_t generation = 1;  ///< Of the wish; grows whenever something else is wished.
  GuestWish wish = GuestWish::run;
  std::string name;
  std::string vm_type;
  Mebibytes ram;
  VcpuCount vcpus;
  Gigabytes disk;
  std::vector<PortOrder> ports;
};

/// All that is wished of this node.
struct NodeWishes {
  std::int64_t number = 0;  ///< Grows whenever any of it changes.
  std::vector<WishedGuest> guests;
};

/// The control plane could not be asked, did not answer as it should, or asks for patience: nobody knows whether it
/// took what it was told. What it is told may be told again.
class ControlPlaneAway : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Refusals are those of the API, in its words. Everything else that goes wrong is thrown as ControlPlaneAway. Safe to
/// call from several threads.
class ControlPlane {
 public:
  virtual ~ControlPlane() = default;
  /// Says that the node lives, what it is, and which guests of ours are on it.
  virtual Result<void> heartbeat(const NodeFacts& facts, const std::vector<VmId>& guests) = 0;
  /// What is wished of the node now; waits up to `wait` for other wishes than those of number `after`.
  virtual Result<NodeWishes> wishes(std::optional<std::int64_t> after, std::chrono::seconds wait) = 0;
  /// What has become of guests. Refused as a whole when one of the reports cannot be believed. More than one request
  /// can take is sent in several.
  virtual Result<void> report(const std::vector<GuestReport>& reports) = 0;
  /// Gets another token in place of the one in use when less than half of its life is left; true when it did.
  virtual Result<bool> renew_if_due() = 0;
  /// For the end of the program: calls that are under way, and all later ones, end at once with ControlPlaneAway.
  virtual void interrupt() = 0;
};

}  // namespace cadastre

// The control plane, as a node's agent sees it.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "domain/image.h"
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
  std::optional<ImageFacts> image;                 ///< Nothing: the catalogue has none; the node may have its own.
  std::vector<std::string> ssh_authorized_keys{};  ///< Lines of authorized_keys(5) for cloud-init.
  RestartPolicy restart = RestartPolicy::never;
};

/// All that is wished of this node.
struct NodeWishes {
  std::int64_t number = 0;  ///< Grows whenever any of it changes.
  std::vector<WishedGuest> guests;
};

/// A report that the control plane does not take, and why.
struct DisbelievedReport {
  VmId vm;
  std::string detail;
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
  /// What has become of guests; answers the reports that it does not believe, the others are taken. More than one
  /// request can take is sent in several.
  virtual Result<std::vector<DisbelievedReport>> report(const std::vector<GuestReport>& reports) = 0;
  /// Takes the place of what the control plane has of the guest's console: its last 64 KiB or less. Refuses with
  /// `not_found` a VM that is not on this node (any more).
  virtual Result<void> show_console(const VmId& vm, const std::string& bytes) = 0;
  /// Gets another token in place of the one in use when less than half of its life is left; true when it did.
  virtual Result<bool> renew_if_due() = 0;
  /// For the end of the program: calls that are under way, and all later ones, end at once with ControlPlaneAway.
  virtual void interrupt() = 0;
};

}  // namespace cadastre

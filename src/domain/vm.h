// A virtual machine as the register knows it.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/time.h"
#include "domain/issued_token.h"
#include "domain/quota.h"
#include "domain/tenant_id.h"

namespace cadastre {

/// A UUID of version 7 (RFC 9562 section 5.7): ordered by creation, not guessable.
class VmId {
 public:
  static VmId draw(Random& random, Instant now);
  /// The lower- or upper-case 8-4-4-4-12 form; nothing on other text.
  static std::optional<VmId> parse(std::string_view text);
  static VmId of(const Bytes<16>& bytes) { return VmId(bytes); }
  std::string text() const;
  const Bytes<16>& bytes() const { return bytes_; }
  friend auto operator<=>(const VmId&, const VmId&) = default;

 private:
  explicit VmId(const Bytes<16>& bytes) : bytes_(bytes) {}
  Bytes<16> bytes_;
};

enum class VmState { provisioning, running, stopped, error, deleting };

/// As the API spells it: `Provisioning`.
std::string_view name_of(VmState state);
std::optional<VmState> parse_vm_state(std::string_view text);

struct HostPort {
  int host_port = 0;
  int guest_port = 0;
  std::string protocol;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// A port that the order asks to be reachable.
struct PortOrder {
  int guest_port = 0;
  std::string protocol;  ///< `tcp` or `udp`.
};

/// What a node's agent does when a guest that is to run has stopped: nothing; start it again when it failed; start it
/// again whatever it did.
enum class RestartPolicy { never, on_failure, always };

/// As the API spells it: `on_failure`.
std::string_view name_of(RestartPolicy policy);
std::optional<RestartPolicy> parse_restart_policy(std::string_view text);

/// What a caller asks for; every member has been checked by `check_vm_order`.
struct VmOrder {
  std::string vm_type;
  std::string name;  ///< Empty when the caller gave none.
  Mebibytes ram;
  VcpuCount vcpus;
  Gigabytes disk{8};
  bool prefer_kvm = false;
  std::string preferred_node;  ///< Empty when the caller gave none.
  std::vector<PortOrder> ports;
  std::optional<RestartPolicy> restart_policy = RestartPolicy::never;  ///< Nothing: a word that is none, to be refused.
  Charge charge() const { return {.disk = disk, .ram = ram, .vcpus = vcpus}; }
};

/// Refuses names of another shape and numbers out of bounds, with every wrong member.
Result<void> check_vm_order(const VmOrder& order);

/// What the caller wants the VM to be; the node's agent brings it about.
enum class VmWish { run, stop };

struct Vm {
  VmId id;
  TenantId tenant;
  std::string name;
  std::string vm_type;
  VmState state = VmState::provisioning;
  VmWish wish = VmWish::run;
  Mebibytes ram;
  VcpuCount vcpus;
  Gigabytes disk;
  bool prefer_kvm = false;
  std::string preferred_node;  ///< Empty: none.
  std::vector<PortOrder> ports;
  RestartPolicy restart_policy = RestartPolicy::never;
  std::string node_id;                ///< Empty until placed.
  std::optional<TenantId> pool = {};  ///< Who holds its node, where that is one of the shared pool.
  std::vector<HostPort> host_ports;
  Instant created_at;
  std::optional<Instant> started_at;
  std::string error;                     ///< Empty: none.
  std::int64_t generation = 1;           ///< Of what is wished; raised whenever something else is.
  std::int64_t reboots = 0;              ///< How often it was asked to start over.
  std::int64_t revision = 1;             ///< The ETag; raised at every change.
  std::vector<RevocationId> charged_to;  ///< The elements whose `quota` caveat counts it; nearly always none.
  Charge charge() const { return {.disk = disk, .ram = ram, .vcpus = vcpus}; }
};

/// May the VM be asked to run, or to stop, from its state? Refuses one that is being deleted.
Result<void> admit_wish(const Vm& vm, VmWish wish);

}  // namespace cadastre

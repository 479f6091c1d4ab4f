#include "compute/libvirt_hypervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "compute/disk_image.h"
#include "compute/guest_files.h"
#include "compute/host_ports.h"
#include "compute/segments.h"

namespace cadastre {
namespace {

constexpr int start_attempts = 3;  // others may take a port between our look and QEMU's

struct DomainList {
  virDomainPtr* domains = nullptr;
  int count = 0;
  explicit DomainList(const LibvirtConnection& connection)
      : count(virConnectListAllDomains(connection.get(), &domains, 0)) {
    if (count < 0) connection.throw_last("Guests cannot be listed");
  }
  DomainList(const DomainList&) = delete;
  DomainList& operator=(const DomainList&) = delete;
  ~DomainList() {
    for (auto* const domain : span()) virDomainFree(domain);
    std::free(domains);
  }
  std::span<virDomainPtr> span() const { return {domains, static_cast<std::size_t>(std::max(count, 0))}; }
};

/// What the other guests of the node have; those that stand still will want theirs again.
struct TakenByOthers {
  std::set<std::pair<std::string, int>> ports;
  Segments segments;
};

TakenByOthers taken_by_others(const LibvirtConnection& connection, const VmId& id) {
  TakenByOthers taken;
  const DomainList list(connection);
  for (auto* const domain : list.span()) {
    const auto metadata = look_at(connection, domain).metadata;
    if (!metadata || metadata->id == id) continue;
    for (const auto& port : metadata->host_ports) taken.ports.emplace(port.protocol, port.host_port);
    if (metadata->segment != 0) taken.segments.emplace(metadata->segment, metadata->tenant);
  }
  return taken;
}

bool says_port_is_taken(const std::string& sentence) {
  return sentence.find("host forwarding rule") != std::string::npos;  // QEMU's net/slirp.c
}

Result<void> write_metadata(const LibvirtConnection& connection, virDomainPtr domain, const GuestMetadata& metadata,
                            virDomainModificationImpact where) {
  const auto element = encode_guest_metadata(metadata);
  if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, element.c_str(), guest_metadata_prefix,
                           guest_metadata_uri, where) == 0) {
    return {};
  }
  // A guest that has just ended has no live copy any more, and needs none.
  if (where == VIR_DOMAIN_AFFECT_LIVE && last_error().code == VIR_ERR_OPERATION_INVALID) return {};
  return connection.refuse_last("The guest's metadata could not be written");
}

/// What the file system refuses, such as for want of room, is the guest's trouble and nobody else's.
template <class Work>
Result<void> on_disk(Work work) {
  try {
    return work();
  } catch (const std::filesystem::filesystem_error& fault) {
    return refuse(Code::unavailable, "disk",
                  fmt::format("The node's disk refuses {}: {}.", fault.path1().string(), fault.code().message()));
  }
}

/// libvirt 9.0 keeps a guest for ever whose start was cut off before its process had a number, and no call changes it.
Result<void> refuse_held() {
  return refuse(Code::unavailable, "hypervisor",
                "libvirt holds the guest as one that starts and lets nobody end it: where QEMU does not run for it, "
                "delete what libvirtd keeps of it while libvirtd is stopped.");
}

Result<void> refuse_stopped() { return refuse(Code::conflict, "state", "The guest does not run."); }

}  // namespace

std::unique_ptr<Hypervisor> open_hypervisor(HypervisorSettings settings, const Clock& clock, Random& random) {
  return std::make_unique<LibvirtHypervisor>(std::move(settings), clock, random);
}

LibvirtHypervisor::LibvirtHypervisor(HypervisorSettings settings, const Clock& clock, Random& random)
    : settings_(std::move(settings)),
      clock_(clock),
      random_(random),
      folder_(settings_.folder),
      probes_(settings_.folder + ".probe") {}

LibvirtHypervisor::ConnectionPtr LibvirtHypervisor::connection() {
  const std::scoped_lock lock(connection_mutex_);
  if (connection_ == nullptr || !connection_->is_alive()) {
    connection_.reset();
    connection_ = std::make_shared<LibvirtConnection>(settings_.uri, settings_.changed);
  }
  return connection_;
}

Result<LibvirtHypervisor::Found> LibvirtHypervisor::find_ours(const VmId& id) {
  Found found{.connection = connection()};
  found.domain = find_domain(*found.connection, id);
  if (found.domain == nullptr) return found;
  found.sight = look_at(*found.connection, found.domain.get());
  if (found.sight.state == GuestState::absent) found.domain.reset();
  if (found.domain == nullptr || found.sight.metadata) return found;
  return refuse(Code::conflict, "vm_id", "The node has a guest of that id that is not of this register.");
}

Result<LibvirtHypervisor::Found> LibvirtHypervisor::find_present(const VmId& id) {
  auto found = TRY(find_ours(id));
  if (found.domain == nullptr) return refuse(Code::not_found, "vm_id", "The node has no such guest.");
  return found;
}

GuestSight LibvirtHypervisor::list() {
  const auto current = connection();
  GuestSight sight;
  sight.leftovers = folder_.ids();
  const DomainList list(*current);
  for (auto* const domain : list.span()) {
    const auto seen = look_at(*current, domain);
    if (seen.state == GuestState::absent) continue;
    auto foreign = to_foreign_guest(domain, seen.state);
    std::erase_if(sight.leftovers, [&](const VmId& id) { return id.text() == foreign.uuid; });
    if (seen.metadata) {
      sight.guests.push_back(to_guest(seen));
    } else {
      sight.foreign.push_back(std::move(foreign));
    }
  }
  return sight;
}

std::optional<Guest> LibvirtHypervisor::find(const VmId& id) {
  const auto found = find_ours(id);
  if (!found || found->domain == nullptr) return std::nullopt;
  return to_guest(found->sight);
}

Result<Guest> LibvirtHypervisor::define_and_start(const GuestSpec& spec) {
  TRY(check_guest_spec(spec));
  const auto found = TRY(find_ours(spec.id));
  std::vector<HostPort> had;
  if (found.domain != nullptr) {
    const auto& metadata = *found.sight.metadata;
    if (metadata.tenant != spec.tenant) return refuse(Code::conflict, "tenant_id", "The guest is another tenant's.");
    if (found.has_process()) {
      TRY(set_generation(spec.id, spec.generation));
      return to_guest(look_at(*found.connection, found.domain.get()));
    }
    TRY(check_generation(metadata.generation, spec.generation));
    had = metadata.host_ports;
  }
  TRY(on_disk([&] { return make_guest_files(folder_, spec, clock_); }));
  return define_new_ports_and_start(found.connection, spec, had);
}

Result<Guest> LibvirtHypervisor::define_new_ports_and_start(const ConnectionPtr& connection, const GuestSpec& spec,
                                                            const std::vector<HostPort>& had) {
  const std::scoped_lock lock(ports_mutex_);
  auto taken = taken_by_others(*connection, spec.id);
  const int segment = choose_segment(spec.tenant, taken.segments);
  if (segment == 0) return refuse(Code::unavailable, "tenant_id", "The node has too few free network segments.");
  for (int attempt = 1;; ++attempt) {
    const auto ports = choose_host_ports(spec.id, spec.ports, had, [&](int port, const std::string& protocol) {
      return !taken.ports.contains({protocol, port}) && is_port_free(port, protocol);
    });
    if (!ports) return refuse(Code::unavailable, "ports", "The node has too few free ports.");
    const auto plan = plan_guest(folder_, connection->kind(), spec, *ports, segment);
    Found defined{.connection = connection,
                  .domain = DomainHandle(virDomainDefineXML(connection->get(), domain_xml(spec, plan).c_str()))};
    if (defined.domain == nullptr) return connection->refuse_last("The guest could not be defined");
    defined.sight = look_at(*connection, defined.domain.get());
    auto started = start_defined(defined);
    if (started || attempt == start_attempts || !says_port_is_taken(started.error().detail)) return started;
    for (const auto& port : *ports) taken.ports.emplace(port.protocol, port.host_port);
  }
}

Result<Guest> LibvirtHypervisor::start_defined(const Found& found) {
  const auto& connection = *found.connection;
  auto* const domain = found.domain.get();
  if (!found.has_process() && virDomainCreate(domain) != 0) {
    auto refusal = connection.refuse_last("The guest could not be started");
    const auto now = look_at(connection, domain);
    // Somebody was faster: it runs, and that is what was asked for.
    if (now.state != GuestState::running || !now.metadata) return refusal;
  }
  auto sight = look_at(connection, domain);
  if (!sight.metadata) return refuse(Code::conflict, "vm_id", "The guest was taken away while it started.");
  if (!sight.metadata->started_at && sight.state == GuestState::running) {
    sight.metadata->started_at = clock_.now();
    TRY(write_metadata(connection, domain, *sight.metadata, VIR_DOMAIN_AFFECT_LIVE));
  }
  return to_guest(sight);
}

Result<Guest> LibvirtHypervisor::start(const VmId& id) { return start_defined(TRY(find_present(id))); }

template <class Call>
Result<void> LibvirtHypervisor::act(const VmId& id, Call call, const char* failed, const Result<void>& on_absent) {
  const auto found = TRY(find_ours(id));
  if (!found.has_process()) return on_absent;
  if (call(found.domain.get()) == 0) return {};
  const int code = last_error().code;
  auto refusal = found.connection->refuse_last(failed);
  const auto now = find_ours(id);
  if (now && !now->has_process()) return on_absent;  // it ended meanwhile
  if (now && now->sight.state == GuestState::starting && code == VIR_ERR_OPERATION_TIMEOUT) return refuse_held();
  return refusal;
}

Result<void> LibvirtHypervisor::shut_down(const VmId& id) {
  return act(id, [](auto* domain) { return virDomainShutdownFlags(domain, 0); }, "The guest could not be shut down",
             {});
}

Result<void> LibvirtHypervisor::destroy(const VmId& id) {
  return act(id, [](auto* domain) { return virDomainDestroyFlags(domain, 0); }, "The guest could not be ended", {});
}

Result<void> LibvirtHypervisor::reboot(const VmId& id) {
  return act(
      id, [](auto* domain) { return virDomainReboot(domain, 0); }, "The guest could not be rebooted", refuse_stopped());
}

Result<void> LibvirtHypervisor::reset(const VmId& id) {
  return act(
      id, [](auto* domain) { return virDomainReset(domain, 0); }, "The guest could not be reset", refuse_stopped());
}

Result<void> LibvirtHypervisor::remove(const VmId& id) {
  TRY(destroy(id));
  const auto found = TRY(find_ours(id));
  constexpr unsigned with_all = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
  if (found.domain != nullptr && virDomainUndefineFlags(found.domain.get(), with_all) != 0 &&
      last_error().code != VIR_ERR_NO_DOMAIN) {
    return found.connection->refuse_last("The guest could not be removed");
  }
  return on_disk([&]() -> Result<void> {
    folder_.remove(id);
    return {};
  });
}

Result<void> LibvirtHypervisor::set_generation(const VmId& id, std::int64_t generation) {
  const auto found = TRY(find_present(id));
  auto metadata = *found.sight.metadata;
  TRY(check_generation(metadata.generation, generation));
  if (metadata.generation == generation) return {};
  metadata.generation = generation;
  const auto started_at = std::exchange(metadata.started_at, std::nullopt);
  auto* const domain = found.domain.get();
  // The lasting copy first: the one that is looked at must never be ahead of it.
  TRY(write_metadata(*found.connection, domain, metadata, VIR_DOMAIN_AFFECT_CONFIG));
  if (!found.has_process()) return {};
  metadata.started_at = started_at;
  return write_metadata(*found.connection, domain, metadata, VIR_DOMAIN_AFFECT_LIVE);
}

std::string LibvirtHypervisor::console(const VmId& id) { return folder_.console_tail(id); }

NodeCapacity LibvirtHypervisor::capacity() {
  const std::scoped_lock lock(machine_mutex_);
  return machine_.capacity(folder_.root());
}

bool LibvirtHypervisor::is_alive() {
  try {
    return virConnectNumOfDomains(connection()->get()) >= 0;
  } catch (const HypervisorAway&) {
    return false;
  }
}

}  // namespace cadastre

#include "compute/libvirt_guest.h"

#include <array>

namespace cadastre {
namespace {

DomainSight shut_off_for(int reason) {
  switch (reason) {
    case VIR_DOMAIN_SHUTOFF_CRASHED:
    case VIR_DOMAIN_SHUTOFF_DAEMON:  // libvirt found it ended when it started again itself
      return {GuestState::failed, "The guest's process on the node ended without being asked to.", {}};
    case VIR_DOMAIN_SHUTOFF_FAILED: return {GuestState::failed, "The guest could not be started on the node.", {}};
    default: return {GuestState::stopped, "", {}};
  }
}

DomainSight paused_for(int reason) {
  switch (reason) {
    case VIR_DOMAIN_PAUSED_STARTING_UP: return {GuestState::starting, "", {}};
    case VIR_DOMAIN_PAUSED_IOERROR:
      return {GuestState::paused, "The guest stands still: the node could not read or write its disk.", {}};
    default: return {GuestState::paused, "The guest was paused on the node.", {}};
  }
}

/// Nothing when the domain carries none, or has another's id in it. Throws HypervisorAway.
std::optional<GuestMetadata> metadata_of(const LibvirtConnection& connection, virDomainPtr domain) {
  const TextHandle element(
      virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, guest_metadata_uri, VIR_DOMAIN_AFFECT_CURRENT));
  if (element == nullptr) {
    const int code = last_error().code;
    if (code == VIR_ERR_NO_DOMAIN_METADATA || code == VIR_ERR_NO_DOMAIN) return std::nullopt;
    connection.throw_last("A guest's metadata cannot be read");
  }
  auto metadata = parse_guest_metadata(element.get());
  Bytes<16> uuid{};
  if (!metadata || virDomainGetUUID(domain, uuid.data()) != 0 || metadata->id.bytes() != uuid) return std::nullopt;
  return metadata;
}

}  // namespace

DomainSight state_in_our_words(int state, int reason) {
  switch (state) {
    case VIR_DOMAIN_PAUSED:
    case VIR_DOMAIN_PMSUSPENDED: return paused_for(state == VIR_DOMAIN_PAUSED ? reason : VIR_DOMAIN_PAUSED_UNKNOWN);
    case VIR_DOMAIN_SHUTOFF: return shut_off_for(reason);
    case VIR_DOMAIN_CRASHED: return {GuestState::failed, "The guest crashed.", {}};
    default: return {GuestState::running, "", {}};  // one that shuts down has its process still
  }
}

DomainHandle find_domain(const LibvirtConnection& connection, const VmId& id) {
  DomainHandle domain(virDomainLookupByUUID(connection.get(), id.bytes().data()));
  if (domain == nullptr && last_error().code != VIR_ERR_NO_DOMAIN) connection.throw_last("A guest cannot be looked up");
  return domain;
}

DomainSight look_at(const LibvirtConnection& connection, virDomainPtr domain) {
  auto metadata = metadata_of(connection, domain);
  int state = 0;
  int reason = 0;
  if (virDomainGetState(domain, &state, &reason, 0) != 0) {
    if (last_error().code == VIR_ERR_NO_DOMAIN) return {};
    connection.throw_last("A guest's state cannot be read");
  }
  auto sight = state_in_our_words(state, reason);
  sight.metadata = std::move(metadata);
  return sight;
}

Guest to_guest(const DomainSight& sight) {
  const auto& metadata = *sight.metadata;
  return {.id = metadata.id,
          .tenant = metadata.tenant,
          .generation = metadata.generation,
          .state = sight.state,
          .reason = sight.reason,
          .host_ports = metadata.host_ports,
          .started_at = metadata.started_at};
}

ForeignGuest to_foreign_guest(virDomainPtr domain, GuestState state) {
  std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
  virDomainGetUUIDString(domain, uuid.data());
  const char* const name = virDomainGetName(domain);
  return {.uuid = uuid.data(), .name = name == nullptr ? "" : name, .state = state};
}

}  // namespace cadastre

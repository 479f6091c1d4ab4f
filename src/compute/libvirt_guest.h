// What libvirt says of one domain, in our words.
#pragma once

#include <optional>

#include "compute/guest_metadata.h"
#include "compute/libvirt_connection.h"
#include "domain/guest.h"

namespace cadastre {

/// What a domain is found to be in one look; it may have changed a moment later.
struct DomainSight {
  GuestState state = GuestState::absent;
  std::string reason;                     ///< One sentence when `paused` or `failed`.
  std::optional<GuestMetadata> metadata;  ///< Nothing when the domain is not ours.
};

/// A state of libvirt's with its reason (virDomainState, virDomain…Reason), in our words.
DomainSight state_in_our_words(int state, int reason);

/// The domain of that id, ours or not; null when there is none. Throws HypervisorAway.
DomainHandle find_domain(const LibvirtConnection& connection, const VmId& id);
/// Looks at a domain. One that vanished meanwhile is `absent`. Throws HypervisorAway, so that a guest is never taken
/// for another's because nobody answered.
DomainSight look_at(const LibvirtConnection& connection, virDomainPtr domain);
/// Requires metadata.
Guest to_guest(const DomainSight& sight);
ForeignGuest to_foreign_guest(virDomainPtr domain, GuestState state);

}  // namespace cadastre

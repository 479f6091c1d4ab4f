// What must hold of a guest's files and its generation before it is defined.
#pragma once

#include <vector>

#include "compute/domain_xml.h"
#include "compute/guest_folder.h"

namespace cadastre {

/// Refuses with `conflict` a wish that is older than the one the guest answers to.
Result<void> check_generation(std::int64_t had, std::int64_t wished);

/// Makes the guest's folder, its seed anew, and its disk when it has none yet. Refuses a kernel, initrd or image that
/// cannot be read here.
Result<void> make_guest_files(const GuestFolder& folder, const GuestSpec& spec, const Clock& clock);

/// What the domain's XML says beside the spec.
DomainPlan plan_guest(const GuestFolder& folder, DomainKind kind, const GuestSpec& spec,
                      const std::vector<HostPort>& host_ports, int segment);

}  // namespace cadastre

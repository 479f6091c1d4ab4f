// The disk by which cloud-init in a guest learns what it is.
#pragma once

#include <string>

#include "base/time.h"
#include "domain/guest.h"

namespace cadastre {

/// Writes an ISO 9660 image labelled `cidata` with the files `meta-data` and `user-data` (cloud-init's NoCloud), by
/// xorriso, in place of what lies at the path. Refuses `unavailable` when that cannot be written.
Result<void> make_seed_image(const std::string& path, const GuestSeed& seed, const Clock& clock);

}  // namespace cadastre

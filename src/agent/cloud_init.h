// What a guest is told of itself.
#pragma once

#include "domain/guest.h"
#include "service/control_plane_port.h"

namespace cadastre {

/// Instance id, host name, and who may log in, as cloud-init reads them (docs.cloud-init.io: NoCloud; module
/// cc_ssh). All is JSON, which is YAML too, so nothing of a name or a key is more than text. The instance id is the
/// VM's, so that what cloud-init does once for each instance it does once for each VM.
GuestSeed cloud_init_seed(const WishedGuest& wish);

}  // namespace cadastre

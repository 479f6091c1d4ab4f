// What a node's agent is to bring about, and what it needs to do so.
#pragma once

#include <map>

#include "service/services.h"

namespace cadastre {

/// What one tenant's VMs are made from, and whom they let in.
struct VmSources {
  std::map<std::string, Image, std::less<>> images;  ///< By `vm_type`; none for a type that no catalogue has.
  std::vector<SshKey> ssh_keys;
};

struct WishedVms {
  std::vector<Vm> vms;  ///< That are placed on the node, on one of the shared pool other tenants' too.
  std::map<TenantId, VmSources> sources;  ///< Of each tenant that has any of them.
};

WishedVms wishes_of(Reader& reader, const Node& node);

}  // namespace cadastre

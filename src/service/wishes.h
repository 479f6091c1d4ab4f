// What a node's agent is to bring about, and what it needs to do so.
#pragma once

#include <map>

#include "service/services.h"

namespace cadastre {

struct NodeWishes {
  std::vector<Vm> vms;                               ///< That are placed on the node.
  std::map<std::string, Image, std::less<>> images;  ///< By `vm_type`; none for a type that no catalogue has.
  std::vector<SshKey> ssh_keys;                      ///< That the VMs let in.
};

NodeWishes wishes_of(Reader& reader, const Node& node);

}  // namespace cadastre

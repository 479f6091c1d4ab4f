#include "service/wishes.h"

#include <set>

#include "service/images.h"
#include "service/nodes.h"
#include "service/ssh_keys.h"

namespace cadastre {

NodeWishes wishes_of(Reader& reader, const Node& node) {
  NodeWishes wishes{.vms = vms_on(reader, node), .images = {}, .ssh_keys = {}};
  if (!wishes.vms.empty()) wishes.ssh_keys = all_ssh_keys(reader, node.tenant);
  std::set<std::string_view> types;
  for (const Vm& vm : wishes.vms) types.insert(vm.vm_type);
  for (const std::string_view type : types) {
    if (auto image = find_image(reader, node.tenant, type)) wishes.images.emplace(type, *std::move(image));
  }
  return wishes;
}

}  // namespace cadastre

#include "service/wishes.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "service/images.h"
#include "service/nodes.h"
#include "service/shared_pool.h"
#include "service/ssh_keys.h"

namespace cadastre {

WishedVms wishes_of(Reader& reader, const Node& node) {
  WishedVms wishes{.vms = vms_on(reader, node), .sources = {}};
  std::ranges::move(pool_vms_on(reader, node), std::back_inserter(wishes.vms));
  std::set<std::pair<TenantId, std::string_view>> types;
  for (const Vm& vm : wishes.vms) types.emplace(vm.tenant, vm.vm_type);
  for (const auto& [tenant, type] : types) {
    const auto [sources, is_first] = wishes.sources.try_emplace(tenant);
    if (is_first) sources->second.ssh_keys = all_ssh_keys(reader, tenant);
    if (auto image = find_image(reader, tenant, type)) sources->second.images.emplace(type, *std::move(image));
  }
  return wishes;
}

}  // namespace cadastre

#include "store/postgresql/buffer.h"

#include <algorithm>
#include <iterator>

namespace cadastre::postgresql {

bool Buffer::body_is_empty() const {
  bool is_empty = namespaces.body_is_empty() && leaves_of_body.empty();
  each(*this, [&](const auto& overlay) { is_empty = is_empty && overlay.body_is_empty(); });
  return is_empty;
}

void Buffer::keep_body() {
  namespaces.keep([](Namespace& one) { one.is_raised = false; });
  each(*this, [](auto& overlay) { overlay.keep(); });
  std::ranges::move(leaves_of_body, std::back_inserter(leaves));
  leaves_of_body.clear();
}

void Buffer::drop_body() {
  namespaces.drop();
  each(*this, [](auto& overlay) { overlay.drop(); });
  leaves_of_body.clear();
}

void Buffer::forget_reads() {
  std::erase_if(namespaces.group(), [](const auto& one) { return !one.second.is_locked; });
  each(*this, [](auto& overlay) { overlay.group().clear(); });
}

void Buffer::forget(const TenantId& tenant) {
  namespaces.group().erase(tenant);
  each_of_tenants(*this, [&](auto& overlay) {
    std::erase_if(overlay.group(), [&](const auto& each) { return std::get<0>(each.first) == tenant; });
  });
}

void Buffer::clear() { *this = Buffer(); }

}  // namespace cadastre::postgresql

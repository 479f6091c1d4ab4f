#include "service/images.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "service/events.h"
#include "service/vms.h"

namespace cadastre {
namespace {

constexpr std::size_t images_max = 500;

std::unexpected<Refusal> refuse_missing() { return refuse(Code::not_found, "image", "There is no such image."); }

}  // namespace

Result<Image> add_image(Tx& tx, Services& services, const Caller& caller, const ImageOrder& order) {
  auto facts = TRY(check_image(order));
  TRY(changeable_tenant(tx, caller));
  if (tx.image(caller.tenant, facts.name)) {
    return refuse(Code::already_exists, "name",
                  "There is an image of this name, and images do not change: remove it first, or choose another name.");
  }
  if (tx.images(caller.tenant, {.after = {}, .limit = images_max}).size() == images_max) {
    return refuse(Code::conflict, "images", fmt::format("A catalogue holds at most {} images.", images_max));
  }
  const Instant now = services.clock.now();
  const Image fresh{
      .tenant = caller.tenant, .facts = std::move(facts), .created_at = now, .created_by = caller.token_id};
  tx.put(fresh);
  tx.append(image_added(fresh, caller), now);
  return fresh;
}

std::optional<Image> find_image(Reader& reader, const TenantId& tenant, std::string_view name) {
  auto own = reader.image(tenant, name);
  if (own || tenant.is_platform()) return own;
  return reader.image(TenantId::platform(), name);
}

Result<Image> image(Reader& reader, const TenantId& tenant, std::string_view name) {
  auto found = find_image(reader, tenant, name);
  if (!found) return refuse_missing();
  return *std::move(found);
}

std::vector<Image> images(Reader& reader, const TenantId& tenant, const NameQuery& query) {
  auto own = reader.images(tenant, query);
  if (tenant.is_platform()) return own;
  const auto name = [](const Image& image) { return std::string_view(image.facts.name); };
  std::vector<Image> offered;
  std::ranges::set_union(own, reader.images(TenantId::platform(), query), std::back_inserter(offered), {}, name, name);
  offered.erase(offered.begin() + static_cast<std::ptrdiff_t>(std::min(query.limit, offered.size())), offered.end());
  return offered;
}

Result<void> remove_image(Tx& tx, Services& services, const Caller& caller, std::string_view name,
                          const Precondition& if_match) {
  TRY(changeable_tenant(tx, caller));
  const auto found = tx.image(caller.tenant, name);
  if (!found) return refuse_missing();
  if (!if_match.holds(revision_of(*found))) {
    return refuse(Code::precondition_failed, "If-Match", "The name stands for another image now: read it again.");
  }
  tx.erase_image(caller.tenant, name);
  tx.append(image_removed(*found, caller), services.clock.now());
  return {};
}

void drop_images(Tx& tx, const TenantId& tenant) {
  for (const Image& image : tx.images(tenant, {.after = {}, .limit = images_max})) {
    tx.erase_image(tenant, image.facts.name);
  }
}

}  // namespace cadastre

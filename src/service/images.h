// The verbs about images: a catalogue for each tenant, and the platform's, which is offered to all of them.
#pragma once

#include "domain/precondition.h"
#include "service/caller.h"
#include "service/services.h"

namespace cadastre {

/// Adds an image to the caller's own catalogue, which is the platform's for its administrators. Refuses a name that is
/// there already, for images do not change, and more than 500 images in one catalogue.
Result<Image> add_image(Tx& tx, Services& services, const Caller& caller, const ImageOrder& order);

/// The image that a VM of this type of the tenant's is made from: its own of that name, or else the platform's.
std::optional<Image> find_image(Reader& reader, const TenantId& tenant, std::string_view name);

/// The same; `not_found` when there is none.
Result<Image> image(Reader& reader, const TenantId& tenant, std::string_view name);

/// What is offered to the tenant, in order of name: its own, and the platform's whose names it has not taken.
std::vector<Image> images(Reader& reader, const TenantId& tenant, const NameQuery& query);

/// Removes an image of the caller's own catalogue. VMs that were made from it stay as they are.
Result<void> remove_image(Tx& tx, Services& services, const Caller& caller, std::string_view name,
                          const Precondition& if_match);

/// Forgets all of a tenant's catalogue, as a part of its end: no entry of the ledger for each.
void drop_images(Tx& tx, const TenantId& tenant);

}  // namespace cadastre

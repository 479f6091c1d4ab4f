// A namespace as every engine keeps it: the tenant and the head of its log.
#pragma once

#include <string_view>

#include "service/ports.h"

namespace cadastre {

struct TenantRow {
  Tenant tenant;
  LogHead head;
};

/// The id in a column that only ids were written to. Throws StoreFailure when it is none.
TenantId tenant_id_of(std::string_view text);

/// Takes over what a caller may change besides the usage; true when that was anything.
bool replace_details(Tenant& stored, const Tenant& wanted);

/// The next leaf of a log, not older than the last; moves the head past it.
Leaf append_leaf(LogHead& head, const Event& event, Instant now);

}  // namespace cadastre

// The handler of the offline links that a tenant's namespace has seen in use.
#pragma once

#include "http/call.h"

namespace cadastre::http {

Result<Response> get_links(const Call& call, Reader& reader);

}  // namespace cadastre::http

// The handlers of /v1/tenants.
#pragma once

#include "domain/tenant.h"
#include "http/call.h"

namespace cadastre::http {

Result<Response> post_tenant(const Call& call, Tx& tx);
Result<Response> get_tenants(const Call& call, Reader& reader);
Result<Response> get_tenant(const Call& call, Reader& reader);
Result<Response> patch_tenant(const Call& call, Tx& tx);
Result<Response> suspend_tenant(const Call& call, Tx& tx);
Result<Response> resume_tenant(const Call& call, Tx& tx);
Result<Response> remove_tenant(const Call& call, Tx& tx);
/// `GET /v1/status`: the caller's own tenant at a glance.
Result<Response> get_status(const Call& call, Reader& reader);

/// The tenant record of DESIGN.md section 4.1.
void append_tenant(std::string& out, const Tenant& tenant);

}  // namespace cadastre::http

// The handlers of /v1/vms; they always act on the caller's own tenant.
#pragma once

#include "domain/vm.h"
#include "http/call.h"

namespace cadastre::http {

Result<Response> post_vm(const Call& call, Tx& tx);
Result<Response> get_vms(const Call& call, Reader& reader);
Result<Response> get_vm(const Call& call, Reader& reader);
Result<Response> start_vm(const Call& call, Tx& tx);
Result<Response> stop_vm(const Call& call, Tx& tx);
Result<Response> reboot_vm(const Call& call, Tx& tx);
Result<Response> remove_vm(const Call& call, Tx& tx);

/// The VM record of DESIGN.md section 4.1.
void append_vm(std::string& out, const Vm& vm);

}  // namespace cadastre::http

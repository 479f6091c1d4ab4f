// The handlers of a tenant's SSH keys (/v1/ssh-keys).
#pragma once

#include "http/call.h"

namespace cadastre::http {

Result<Response> post_ssh_key(const Call& call, Tx& tx);
Result<Response> get_ssh_keys(const Call& call, Reader& reader);
Result<Response> get_ssh_key(const Call& call, Reader& reader);
Result<Response> remove_ssh_key(const Call& call, Tx& tx);

}  // namespace cadastre::http

// The handlers of routes that anyone may call: token verification, keys, health, metrics, the contract, problem pages.
#pragma once

#include "http/routes.h"

namespace cadastre::http {

Result<Response> verify_presented_token(Api& api, const Request& request, const PathParameters& path,
                                        unsigned io_thread);
Result<Response> get_jwks(Api& api, const Request& request, const PathParameters& path, unsigned io_thread);
Result<Response> get_healthz(Api& api, const Request& request, const PathParameters& path, unsigned io_thread);
Result<Response> get_readyz(Api& api, const Request& request, const PathParameters& path, unsigned io_thread);
/// For callers on this machine, or with a platform administrator's token.
Result<Response> get_metrics(Api& api, const Request& request, const PathParameters& path, unsigned io_thread);
Result<Response> get_openapi(Api& api, const Request& request, const PathParameters& path, unsigned io_thread);
Result<Response> get_problems(Api& api, const Request& request, const PathParameters& path, unsigned io_thread);
Result<Response> get_problem(Api& api, const Request& request, const PathParameters& path, unsigned io_thread);

}  // namespace cadastre::http

// Making platform administrators' tokens on the server's own machine.
#pragma once

#include <string>

#include "service/ports.h"
#include "service/services.h"
#include "settings.h"

namespace cadastre {

/// The token's text. Throws std::runtime_error with a sentence for the operator when it is refused.
std::string make_admin_token(Store& store, Services& services, const std::string& name, std::chrono::seconds lifetime);

/// Answers one line of the control socket: `{"name":…,"expires_in_s":…}` → `{"token":…}` or `{"error":…}`.
std::string answer_control_request(Store& store, Services& services, const std::string& request);

/// The subcommand: asks the running server, or does it itself when none runs. Prints the token; answers the exit code.
int run_admin_token(const Settings& settings);

}  // namespace cadastre

// The parts of the running agent, joined.
#pragma once

#include "settings.h"

namespace cadastre {

/// Runs until SIGTERM or SIGINT, ends within two seconds, and leaves the guests as they are; answers 0. Throws what
/// stops the start.
int run_agent(const Settings& settings);

}  // namespace cadastre

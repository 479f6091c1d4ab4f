// The parts of the running server, joined.
#pragma once

#include "settings.h"

namespace cadastre {

/// Runs until SIGTERM or SIGINT, then finishes what was accepted, publishes what it can in seconds, and answers 0.
/// Answers 1 when the ledgers contradict what was published before. Throws what stops the start.
int run_server(const Settings& settings);

}  // namespace cadastre

// Moving a register to another engine of the store.
#pragma once

#include "settings.h"

namespace cadastre {

/// The subcommand: checks the old register in full, moves it, and says what to do next. Answers the exit code. Throws
/// std::runtime_error with a sentence for the operator; then the old register is what it was.
int run_migrate(const Settings& settings);

}  // namespace cadastre

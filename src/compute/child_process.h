// Runs another program to its end, without a shell.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace cadastre {

/// Runs `arguments[0]`, found in PATH, with exactly these arguments and no input, and answers what it wrote to standard
/// output, of which at most 64 KiB are kept. Refuses `unavailable` when it cannot be started, takes longer than `limit`
/// (it is killed then), or ends with another code than 0; the sentence has the end of what it wrote to standard error.
Result<std::string> run_program(const std::vector<std::string>& arguments, std::chrono::milliseconds limit,
                                const Clock& clock);

}  // namespace cadastre

// A group of changes that are committed together, and how each is told what became of it.
#pragma once

#include <exception>
#include <vector>

#include "service/ports.h"

namespace cadastre {

using ChangeGroup = std::vector<Change>;

/// What each change of a group failed with, or null. No two of them share an exception: whoever is told of one reads
/// and destroys it in his own thread, while others do the same with theirs.
using ChangeFailures = std::vector<std::exception_ptr>;

/// All fail for the same reason: a CommitUnknown when it is one, else a StoreFailure of the same words.
void fail_all(ChangeFailures& failures, const StoreFailure& reason);

/// Calls `done` of each change, and gives it its failure away.
void tell_all(ChangeGroup& group, ChangeFailures& failures);

}  // namespace cadastre

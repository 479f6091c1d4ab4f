// What a store throws.
#pragma once

#include <stdexcept>

namespace cadastre {

/// The operator's to mend: disk full, file gone, database unreachable. Nothing of the change was kept.
class StoreFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The store went away while it was keeping the change: nobody knows whether it was kept. Asking later tells.
class CommitUnknown : public StoreFailure {
 public:
  using StoreFailure::StoreFailure;
};

}  // namespace cadastre

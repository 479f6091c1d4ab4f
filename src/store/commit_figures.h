// What a committer counts about its groups and commits, for metrics.
#pragma once

#include <mutex>

#include "service/ports.h"

namespace cadastre {

/// Safe to use from several threads.
class CommitFigures {
 public:
  CommitFigures();
  void count_group(std::size_t changes);
  void count_commit(std::uint64_t ns);
  void count_rerun();
  void count_refused();
  /// All but `waiting`.
  StoreFigures figures() const;

 private:
  mutable std::mutex mutex_;
  StoreFigures figures_;
};

}  // namespace cadastre

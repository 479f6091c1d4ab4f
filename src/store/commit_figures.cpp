#include "store/commit_figures.h"

#include <algorithm>
#include <bit>

namespace cadastre {
namespace {

constexpr std::size_t group_sizes_counted = 10;   // 1, 2, 4, … 512
constexpr std::size_t commit_times_counted = 14;  // 0.25, 0.5, 1, … 1024 ms, and the rest

std::size_t commit_time_class(std::uint64_t ns) {
  constexpr std::uint64_t first_ns = 250'000;
  const auto doublings = static_cast<std::size_t>(std::bit_width((ns > 0 ? ns - 1 : 0) / first_ns));
  return std::min(doublings, commit_times_counted - 1);
}

std::size_t group_size_class(std::size_t changes) {
  return std::min(static_cast<std::size_t>(std::bit_width(changes - 1)), group_sizes_counted - 1);
}

}  // namespace

CommitFigures::CommitFigures() {
  figures_.group_size_counts.resize(group_sizes_counted);
  figures_.commit_time_counts.resize(commit_times_counted);
}

void CommitFigures::count_group(std::size_t changes) {
  const std::lock_guard lock(mutex_);
  ++figures_.groups;
  figures_.changes += changes;
  figures_.group_size_last = changes;
  ++figures_.group_size_counts[group_size_class(changes)];
}

void CommitFigures::count_commit(std::uint64_t ns) {
  const std::lock_guard lock(mutex_);
  figures_.commit_ns += ns;
  figures_.commit_ns_last = ns;
  ++figures_.commit_time_counts[commit_time_class(ns)];
}

void CommitFigures::count_rerun() {
  const std::lock_guard lock(mutex_);
  ++figures_.reruns;
}

void CommitFigures::count_refused() {
  const std::lock_guard lock(mutex_);
  ++figures_.refused_full;
}

StoreFigures CommitFigures::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

}  // namespace cadastre

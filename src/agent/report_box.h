// What the control plane is to be told of each guest, until it has been.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "base/time.h"
#include "domain/vm_lifecycle.h"

namespace cadastre {

/// Everything is told again that often, so that what got lost on the control plane's side comes right.
constexpr std::chrono::seconds retelling_interval{60};

/// Holds the last report of each guest. Safe to call from several threads.
class ReportBox {
 public:
  /// Takes the place of the guest's report before.
  void put(const GuestReport& report);
  /// Forgets all other guests.
  void keep_only(const std::set<VmId>& guests);
  /// What is to be told now: all when that was never done or long ago, else what was not told yet.
  std::vector<GuestReport> due(Tick now) const;
  /// When all is to be told again.
  std::chrono::milliseconds until_retelling(Tick now) const;
  /// These were told; one that has been replaced meanwhile is still due.
  void confirm(const std::vector<GuestReport>& reports, Tick now);

 private:
  struct Entry {
    GuestReport report;
    bool is_told = false;
  };
  bool is_retelling_due(Tick now) const;

  mutable std::mutex mutex_;
  std::map<VmId, Entry> entries_;
  std::optional<Tick> all_told_at_;
};

}  // namespace cadastre

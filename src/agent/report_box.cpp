#include "agent/report_box.h"

#include <algorithm>

namespace cadastre {
namespace {

bool is_same(const GuestReport& a, const GuestReport& b) {
  const auto is_same_port = [](const HostPort& x, const HostPort& y) {
    return x.host_port == y.host_port && x.guest_port == y.guest_port && x.protocol == y.protocol;
  };
  return a.vm == b.vm && a.generation == b.generation && a.state == b.state && a.error == b.error &&
         std::ranges::equal(a.host_ports, b.host_ports, is_same_port);
}

}  // namespace

void ReportBox::put(const GuestReport& report) {
  const std::scoped_lock lock(mutex_);
  const auto [entry, is_new] = entries_.try_emplace(report.vm, Entry{report});
  if (!is_new && !is_same(entry->second.report, report)) entry->second = {report};
}

void ReportBox::keep_only(const std::set<VmId>& guests) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(entries_, [&](const auto& entry) { return !guests.contains(entry.first); });
}

bool ReportBox::is_retelling_due(Tick now) const { return !all_told_at_ || now - *all_told_at_ >= retelling_interval; }

std::vector<GuestReport> ReportBox::due(Tick now) const {
  const std::scoped_lock lock(mutex_);
  const bool is_all_due = is_retelling_due(now);
  std::vector<GuestReport> reports;
  for (const auto& [vm, entry] : entries_) {
    if (is_all_due || !entry.is_told) reports.push_back(entry.report);
  }
  return reports;
}

std::chrono::milliseconds ReportBox::until_retelling(Tick now) const {
  const std::scoped_lock lock(mutex_);
  return is_retelling_due(now) ? retelling_interval : *all_told_at_ + retelling_interval - now;
}

void ReportBox::confirm(const std::vector<GuestReport>& reports, Tick now) {
  const std::scoped_lock lock(mutex_);
  if (is_retelling_due(now)) all_told_at_ = now;
  for (const GuestReport& report : reports) {
    const auto entry = entries_.find(report.vm);
    if (entry != entries_.end() && is_same(entry->second.report, report)) entry->second.is_told = true;
  }
}

}  // namespace cadastre

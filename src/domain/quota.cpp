#include "domain/quota.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace cadastre {
namespace {

/// Each limit with what is used of it and what is asked; absent limits are left out.
std::vector<Violation> limits_with(const Quota& quota, const Usage& used, const VmCount vms, const Charge& charge) {
  std::vector<Violation> limits{{"max_vms", quota.max_vms.value, used.vms.value, vms.value, "count"},
                                {"storage_quota_gb", quota.storage.value, used.storage.value, charge.disk.value, "GB"}};
  if (quota.max_ram) limits.push_back({"max_ram_mb", quota.max_ram->value, used.ram.value, charge.ram.value, "MiB"});
  if (quota.max_vcpus)
    limits.push_back({"max_vcpus", quota.max_vcpus->value, used.vcpus.value, charge.vcpus.value, "count"});
  return limits;
}

/// The limits that `used + requested` passes. A request of nothing passes no limit, so that a diskless VM fits a
/// tenant whose storage is over its quota.
std::vector<Violation> passed(std::vector<Violation> limits) {
  std::erase_if(limits, [](const Violation& limit) {
    std::int64_t sum = 0;
    if (limit.requested == 0) return true;
    return !__builtin_add_overflow(limit.used, limit.requested, &sum) && sum <= limit.limit;
  });
  return limits;
}

std::vector<Violation> below_usage(const Quota& quota, const Usage& used) {
  auto limits = limits_with(quota, used, VmCount{0}, Charge{});
  std::erase_if(limits, [](const Violation& limit) { return limit.used <= limit.limit; });
  return limits;
}

bool fits(const Quota& quota, const Usage& used, const Charge& charge) {
  const auto within = [](std::int64_t in_use, std::int64_t asked, std::int64_t limit) {
    std::int64_t sum = 0;
    return asked == 0 || (!__builtin_add_overflow(in_use, asked, &sum) && sum <= limit);
  };
  return within(used.vms.value, 1, quota.max_vms.value) &&
         within(used.storage.value, charge.disk.value, quota.storage.value) &&
         (!quota.max_ram || within(used.ram.value, charge.ram.value, quota.max_ram->value)) &&
         (!quota.max_vcpus || within(used.vcpus.value, charge.vcpus.value, quota.max_vcpus->value));
}

}  // namespace

Result<void> admit_vm(const Quota& quota, const Usage& used, const Charge& charge) {
  if (fits(quota, used, charge)) return {};
  auto violations = passed(limits_with(quota, used, VmCount{1}, charge));
  const Violation& first = violations.front();
  auto detail =
      fmt::format("{}: {} of {} in use, {} more requested. Delete VMs or ask the operator for a higher limit.",
                  first.quota, first.used, first.limit, first.requested);
  return std::unexpected(Refusal{Code::quota_exceeded, first.quota, std::move(detail), std::move(violations)});
}

Result<void> admit_limits(const Quota& wanted, const Usage& used) {
  auto violations = below_usage(wanted, used);
  if (violations.empty()) return {};
  const Violation& first = violations.front();
  auto detail = fmt::format("{} {} is below the {} in use. Free some, or repeat with ?force=true: nothing is evicted.",
                            first.quota, first.limit, first.used);
  return std::unexpected(Refusal{Code::limit_below_usage, first.quota, std::move(detail), std::move(violations)});
}

bool is_over_quota(const Quota& quota, const Usage& used) {
  return used.vms > quota.max_vms || used.storage > quota.storage || (quota.max_ram && used.ram > *quota.max_ram) ||
         (quota.max_vcpus && used.vcpus > *quota.max_vcpus);
}

Usage with_vm(const Usage& used, const Charge& charge) {
  return {.vms = used.vms + VmCount{1},
          .storage = used.storage + charge.disk,
          .ram = used.ram + charge.ram,
          .vcpus = used.vcpus + charge.vcpus};
}

Usage without_vm(const Usage& used, const Charge& charge) {
  const Usage left{.vms = used.vms - VmCount{1},
                   .storage = used.storage - charge.disk,
                   .ram = used.ram - charge.ram,
                   .vcpus = used.vcpus - charge.vcpus};
  CHECK_INVARIANT(left.vms.value >= 0 && left.storage.value >= 0 && left.ram.value >= 0 && left.vcpus.value >= 0);
  return left;
}

}  // namespace cadastre

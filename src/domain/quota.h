// Quotas: what a tenant may use, what it uses, and whether one more fits.
#pragma once

#include <optional>

#include "base/quantity.h"
#include "base/result.h"

namespace cadastre {

/// The largest value of every limit; parsing refuses more, so sums of limits and usage cannot overflow.
constexpr std::int64_t limit_max = 1'000'000'000;

/// The limits of one tenant. A limit that is absent does not bind.
struct Quota {
  VmCount max_vms;
  Gigabytes storage;
  std::optional<Mebibytes> max_ram;
  std::optional<VcpuCount> max_vcpus;
  RequestsPerMinute api_rate;
  friend bool operator==(const Quota&, const Quota&) = default;
};

/// What a tenant uses now: the sums over its VMs that are not fully deleted, whatever their state.
struct Usage {
  VmCount vms;
  Gigabytes storage;
  Mebibytes ram;
  VcpuCount vcpus;
  friend bool operator==(const Usage&, const Usage&) = default;
};

/// What one VM costs.
struct Charge {
  Gigabytes disk;
  Mebibytes ram;
  VcpuCount vcpus;
};

/// May a tenant that uses `used` take one more VM of that charge? Refuses with every limit that would be passed.
Result<void> admit_vm(const Quota& quota, const Usage& used, const Charge& charge);

/// May the limits become `wanted` while `used` is in use? Refuses with `limit_below_usage` and the limits below usage.
Result<void> admit_limits(const Quota& wanted, const Usage& used);

/// True when some limit is below what is used (after a forced change).
bool is_over_quota(const Quota& quota, const Usage& used);

Usage with_vm(const Usage& used, const Charge& charge);
/// Requires that the charge was taken before: usage never goes below zero.
Usage without_vm(const Usage& used, const Charge& charge);

}  // namespace cadastre

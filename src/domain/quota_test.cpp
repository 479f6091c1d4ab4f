#include "domain/quota.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

namespace cadastre {
namespace {

constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

std::string refused_limits(const Result<void>& answer) {
  std::string names;
  if (answer) return names;
  for (const Violation& violation : answer.error().violations) names += (names.empty() ? "" : " ") + violation.quota;
  return names;
}

TEST_CASE("a VM is refused exactly when one more would pass a limit, and every passed limit is named") {
  const Quota quota{
      .max_vms = VmCount{10}, .storage = Gigabytes{100}, .max_ram = Mebibytes{1000}, .max_vcpus = VcpuCount{8}};
  struct Row {
    std::string_view name;
    std::int64_t vms, storage_gb, ram_mb, vcpus;      // in use
    std::int64_t disk_gb, asked_ram_mb, asked_vcpus;  // requested
    std::string_view refused_by;
  };
  const Row rows[] = {
      {"an empty tenant", 0, 0, 0, 0, 10, 100, 1, ""},
      {"the tenth of ten", 9, 0, 0, 0, 10, 100, 1, ""},
      {"the eleventh of ten", 10, 0, 0, 0, 1, 100, 1, "max_vms"},
      {"the last gigabyte", 1, 99, 0, 0, 1, 100, 1, ""},
      {"one gigabyte too many", 1, 99, 0, 0, 2, 100, 1, "storage_quota_gb"},
      {"the last mebibyte", 1, 0, 900, 0, 1, 100, 1, ""},
      {"one mebibyte too many", 1, 0, 900, 0, 1, 101, 1, "max_ram_mb"},
      {"the last vCPU", 1, 0, 0, 7, 1, 100, 1, ""},
      {"one vCPU too many", 1, 0, 0, 7, 1, 100, 2, "max_vcpus"},
      {"several limits at once", 10, 100, 1000, 8, 1, 1, 1, "max_vms storage_quota_gb max_ram_mb max_vcpus"},
      {"diskless, with storage over its quota", 1, 200, 0, 0, 0, 1, 1, ""},
      {"a sum that would overflow", 1, huge, 0, 0, 1, 1, 1, "storage_quota_gb"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Usage used{VmCount{row.vms}, Gigabytes{row.storage_gb}, Mebibytes{row.ram_mb}, VcpuCount{row.vcpus}};
    const Charge charge{Gigabytes{row.disk_gb}, Mebibytes{row.asked_ram_mb}, VcpuCount{row.asked_vcpus}};
    CHECK(refused_limits(admit_vm(quota, used, charge)) == row.refused_by);
  }
}

TEST_CASE("a limit of zero refuses the first, and a limit that is absent never refuses") {
  CHECK_FALSE(admit_vm({.max_vms = VmCount{0}, .storage = Gigabytes{9}}, {}, {}).has_value());
  const Quota open{.max_vms = VmCount{1}, .storage = Gigabytes{0}};
  CHECK(admit_vm(open, {}, {.disk = Gigabytes{0}, .ram = Mebibytes{limit_max}, .vcpus = VcpuCount{limit_max}})
            .has_value());
}

TEST_CASE("limits may sink to what is used and no further") {
  const Usage used{VmCount{5}, Gigabytes{40}, Mebibytes{512}, VcpuCount{4}};
  struct Row {
    std::string_view name;
    Quota wanted;
    std::string_view below;
  };
  const Row rows[] = {
      {"exactly what is used", {VmCount{5}, Gigabytes{40}, Mebibytes{512}, VcpuCount{4}, {}}, ""},
      {"one VM below", {VmCount{4}, Gigabytes{40}, {}, {}, {}}, "max_vms"},
      {"storage and memory below", {VmCount{5}, Gigabytes{39}, Mebibytes{511}, {}, {}}, "storage_quota_gb max_ram_mb"},
      {"no limit on memory", {VmCount{5}, Gigabytes{40}, {}, VcpuCount{3}, {}}, "max_vcpus"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(refused_limits(admit_limits(row.wanted, used)) == row.below);
    CHECK(is_over_quota(row.wanted, used) == !row.below.empty());
  }
}

TEST_CASE("what is charged for a VM is freed when it goes") {
  const Charge charge{Gigabytes{8}, Mebibytes{256}, VcpuCount{2}};
  const Usage before{VmCount{3}, Gigabytes{1}, Mebibytes{2}, VcpuCount{3}};
  CHECK(without_vm(with_vm(before, charge), charge) == before);
}

}  // namespace
}  // namespace cadastre

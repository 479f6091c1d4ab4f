// What a register is, said as plainly as possible: the simulation holds the real one against it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "service/ports.h"

namespace cadastre {

struct ModelVm {
  std::int64_t disk_gb = 0;
  std::int64_t ram_mb = 0;
  std::int64_t vcpus = 0;
  VmWish wish = VmWish::run;
  bool was_asked = false;  ///< To start or to stop; the first asking is recorded even when it changes nothing.
};

struct ModelTenant {
  TenantState state = TenantState::active;
  std::int64_t max_vms = 0;
  std::int64_t storage_gb = 0;
  std::optional<std::int64_t> max_ram_mb;
  std::map<std::string, ModelVm> vms;
  std::map<std::string, bool> tokens;  ///< By id: whether it is revoked.
  std::uint64_t leaves = 0;

  std::int64_t disk_gb() const { return sum(&ModelVm::disk_gb); }
  std::int64_t ram_mb() const { return sum(&ModelVm::ram_mb); }
  bool has_room(const ModelVm& vm) const {
    return std::ssize(vms) < max_vms && disk_gb() + vm.disk_gb <= storage_gb &&
           (!max_ram_mb || ram_mb() + vm.ram_mb <= *max_ram_mb);
  }

 private:
  std::int64_t sum(std::int64_t ModelVm::* member) const {
    std::int64_t total = 0;
    for (const auto& [id, vm] : vms) total += vm.*member;
    return total;
  }
};

using Model = std::map<TenantId, ModelTenant>;

}  // namespace cadastre

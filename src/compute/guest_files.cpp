#include "compute/guest_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "compute/disk_image.h"
#include "compute/seed_image.h"

namespace cadastre {
namespace {

Result<void> check_readable(const char* subject, const std::string& path) {
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return {};
  return refuse(Code::invalid_field, subject,
                fmt::format("The node cannot read {} for {}: {}.", path, subject, std::strerror(errno)));
}

}  // namespace

Result<void> check_generation(std::int64_t had, std::int64_t wished) {
  if (wished >= had) return {};
  return refuse(Code::conflict, "generation",
                fmt::format("The guest answers to generation {} already; {} is older.", had, wished));
}

Result<void> make_guest_files(const GuestFolder& folder, const GuestSpec& spec, const Clock& clock) {
  const auto* const image = std::get_if<ImageBoot>(&spec.boot);
  if (const auto* const kernel = std::get_if<KernelBoot>(&spec.boot)) {
    TRY(check_readable("kernel", kernel->kernel));
    TRY(check_readable("initrd", kernel->initrd));
  }
  folder.create(spec.id);
  if (spec.seed) TRY(make_seed_image(folder.seed(spec.id), *spec.seed, clock));
  if (spec.disk.value == 0) return {};
  return make_disk(folder.disk(spec.id), spec.disk, image, clock);
}

DomainPlan plan_guest(const GuestFolder& folder, DomainKind kind, const GuestSpec& spec,
                      const std::vector<HostPort>& host_ports, int segment) {
  DomainPlan plan{.kind = kind, .console_path = folder.console(spec.id), .host_ports = host_ports, .segment = segment};
  if (spec.seed) plan.seed_path = folder.seed(spec.id);
  if (spec.disk.value > 0) plan.disk = DomainDisk{folder.disk(spec.id)};
  return plan;
}

}  // namespace cadastre

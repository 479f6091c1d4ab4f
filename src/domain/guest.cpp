#include "domain/guest.h"

#include <fmt/format.h>

#include <algorithm>

namespace cadastre {
namespace {

constexpr std::size_t seed_bytes_max = 1U << 20U;
constexpr std::size_t path_bytes_max = 1024;     // far below PATH_MAX
constexpr std::size_t cmdline_bytes_max = 2047;  // Linux on x86 takes 2048 with the final zero
constexpr std::int64_t ram_mb_max = 16'777'216;  // 16 TiB
constexpr std::int64_t vcpus_max = 255;          // q35 without an I/O remapping unit
constexpr std::int64_t disk_gb_max = 65'536;
constexpr std::size_t ports_max = 32;

class Faults {
 public:
  void unless(bool holds, const char* pointer, std::string rule) {
    if (!holds) errors_.push_back({pointer, std::move(rule)});
  }
  void check_range(std::int64_t value, std::int64_t least, std::int64_t most, const char* pointer) {
    unless(value >= least && value <= most, pointer, fmt::format("must be an integer from {} to {}", least, most));
  }
  void check_path(const std::string& path, const char* pointer);
  Result<void> outcome() const;

 private:
  std::vector<FieldError> errors_;
};

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

bool climbs(std::string_view path) { return path.ends_with("/..") || path.find("/../") != std::string_view::npos; }

void Faults::check_path(const std::string& path, const char* pointer) {
  unless(path.starts_with('/') && !climbs(path) && is_printable(path) && path.size() <= path_bytes_max, pointer,
         fmt::format("must be an absolute path without '..', of printable ASCII, up to {} bytes", path_bytes_max));
}

Result<void> Faults::outcome() const {
  if (errors_.empty()) return {};
  const auto member = errors_.front().pointer.substr(1);
  return std::unexpected(Refusal{Code::invalid_field, member, member + " " + errors_.front().detail, {}, errors_});
}

void check_boot(Faults& faults, const GuestSpec& spec) {
  if (const auto* const kernel = std::get_if<KernelBoot>(&spec.boot)) {
    faults.check_path(kernel->kernel, "/boot/kernel");
    if (!kernel->initrd.empty()) faults.check_path(kernel->initrd, "/boot/initrd");
    faults.unless(is_printable(kernel->cmdline) && kernel->cmdline.size() <= cmdline_bytes_max, "/boot/cmdline",
                  fmt::format("must be printable ASCII, up to {} bytes", cmdline_bytes_max));
  } else {
    faults.check_path(std::get<ImageBoot>(spec.boot).image, "/boot/image");
    faults.unless(spec.disk.value > 0, "/disk_gb", "must be at least 1 to boot from an image");
  }
}

void check_ports(Faults& faults, const std::vector<PortOrder>& ports) {
  faults.unless(ports.size() <= ports_max, "/ports", fmt::format("may have at most {} entries", ports_max));
  for (const auto& port : ports) {
    faults.check_range(port.guest_port, 1, 65535, "/ports/guest_port");
    faults.unless(port.protocol == "tcp" || port.protocol == "udp", "/ports/protocol", "must be tcp or udp");
  }
}

}  // namespace

std::string_view name_of(Acceleration acceleration) { return acceleration == Acceleration::kvm ? "kvm" : "tcg"; }

std::optional<AccelerationWish> parse_acceleration_wish(std::string_view text) {
  if (text == "auto") return AccelerationWish::automatic;
  if (text == "kvm") return AccelerationWish::kvm;
  if (text == "tcg") return AccelerationWish::tcg;
  return std::nullopt;
}

Result<void> check_guest_spec(const GuestSpec& spec) {
  Faults faults;
  faults.unless(!spec.tenant.is_platform(), "/tenant_id", "must name a tenant");
  faults.unless(spec.generation >= 1, "/generation", "must be at least 1");
  faults.unless(spec.name.empty() || is_resource_name(spec.name), "/name",
                "must have 1 to 63 letters, digits and single '-', and not start or end with '-'");
  faults.check_range(spec.ram.value, 1, ram_mb_max, "/ram_mb");
  faults.check_range(spec.vcpus.value, 1, vcpus_max, "/vcpu_count");
  faults.check_range(spec.disk.value, 0, disk_gb_max, "/disk_gb");
  check_boot(faults, spec);
  check_ports(faults, spec.ports);
  if (spec.seed) {
    faults.unless(spec.seed->meta_data.size() + spec.seed->user_data.size() <= seed_bytes_max, "/seed",
                  fmt::format("may have up to {} bytes", seed_bytes_max));
  }
  return faults.outcome();
}

std::string_view name_of(GuestState state) {
  switch (state) {
    case GuestState::absent: return "absent";
    case GuestState::stopped: return "stopped";
    case GuestState::starting: return "starting";
    case GuestState::running: return "running";
    case GuestState::paused: return "paused";
    case GuestState::failed: return "failed";
  }
  std::unreachable();
}

}  // namespace cadastre

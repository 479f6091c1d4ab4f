// The probe guest of LibvirtHypervisor: it proves an acceleration by what it writes to its console.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "compute/acceleration_probe.h"
#include "compute/guest_files.h"
#include "compute/libvirt_hypervisor.h"

namespace cadastre {
namespace {

using namespace std::chrono_literals;

constexpr auto look_interval = 5ms;
constexpr std::uintmax_t probe_disk_bytes = 1U << 20U;  // SeaBIOS boots from no disk of a single sector
constexpr const char* kvm_device = "/dev/kvm";
constexpr std::string_view kernel_marker = "Linux version";
constexpr const char* kernel_cmdline = "console=ttyS0 earlyprintk=ttyS0 panic=-1 no_timer_check";

/// The probe's files, gone with this object.
class ProbeFiles {
 public:
  ProbeFiles(const GuestFolder& folder, const VmId& id) : folder_(folder), id_(id) { folder_.create(id_); }
  ProbeFiles(const ProbeFiles&) = delete;
  ProbeFiles& operator=(const ProbeFiles&) = delete;
  ~ProbeFiles() {
    std::error_code ignored;  // what is left goes when the next probe begins
    folder_.remove(id_, ignored);
  }

 private:
  const GuestFolder& folder_;
  VmId id_;
};

/// The platform's, so that the domain is never taken for a tenant's guest.
GuestSpec probe_spec(const VmId& id, Acceleration acceleration, const std::string& kernel) {
  GuestSpec spec{.id = id,
                 .tenant = TenantId::platform(),
                 .name = "probe",
                 .ram = Mebibytes{128},
                 .vcpus = VcpuCount{1},
                 .acceleration = acceleration,
                 .boot = ImageBoot{}};
  if (!kernel.empty()) spec.boot = KernelBoot{kernel, "", kernel_cmdline};
  return spec;
}

/// What a probe left that was cut off by kill -9: its files, and its guest when libvirt's daemon was killed too, and
/// with it what it knew of whose end the guest was to end with.
void forget_earlier_probes(const LibvirtConnection& connection, const GuestFolder& probes) {
  for (const VmId& id : probes.ids()) {
    if (const auto domain = find_domain(connection, id)) virDomainDestroy(domain.get());
    probes.remove(id);
  }
}

}  // namespace

Result<AccelerationProof> LibvirtHypervisor::prove(AccelerationWish wish) {
  return prove_acceleration(wish, [this](Acceleration acceleration) { return run_probe(acceleration); });
}

Result<std::chrono::milliseconds> LibvirtHypervisor::run_probe(Acceleration acceleration) {
  const auto current = connection();
  if (acceleration == Acceleration::kvm) {
    const auto reason = reason_against_kvm(kvm_device);
    if (!reason.empty()) return refuse(Code::unavailable, "acceleration", reason);
  }
  forget_earlier_probes(*current, probes_);
  const VmId id = VmId::draw(random_, clock_.now());
  const ProbeFiles files(probes_, id);
  const auto spec = probe_spec(id, acceleration, settings_.probe_kernel);
  DomainPlan plan{.kind = current->kind(), .console_path = probes_.console(id)};
  if (settings_.probe_kernel.empty()) {
    plan.disk = DomainDisk{probes_.disk(id), DiskFormat::raw};
    std::ofstream(plan.disk->path, std::ios::binary) << boot_sector();
    std::filesystem::resize_file(plan.disk->path, probe_disk_bytes);
  }
  // Ends with the connection, so that none is left when this process does; in the driver for tests it does so anyway.
  const unsigned flags = current->kind() == DomainKind::test ? 0 : VIR_DOMAIN_START_AUTODESTROY;
  const DomainHandle domain(virDomainCreateXML(current->get(), domain_xml(spec, plan).c_str(), flags));
  if (domain == nullptr) return current->refuse_last("The probe guest could not be started");
  auto outcome = await_marker(id, settings_.probe_kernel.empty() ? boot_sector_marker : kernel_marker);
  virDomainDestroy(domain.get());
  return outcome;
}

Result<std::chrono::milliseconds> LibvirtHypervisor::await_marker(const VmId& id, std::string_view marker) {
  const Tick began = clock_.tick();
  for (;;) {
    const auto took = clock_.tick() - began;
    if (probes_.console_tail(id).find(marker) != std::string::npos) return took;
    if (took > settings_.probe_limit) {
      return refuse(Code::unavailable, "acceleration",
                    fmt::format("The probe guest showed no sign of life within {} ms.", settings_.probe_limit.count()));
    }
    rest_for(look_interval);
  }
}

}  // namespace cadastre

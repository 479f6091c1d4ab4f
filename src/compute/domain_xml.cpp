#include "compute/domain_xml.h"

#include <fmt/format.h>

#include "compute/guest_metadata.h"
#include "compute/segments.h"
#include "compute/xml_writer.h"

namespace cadastre {
namespace {

constexpr const char* qemu_namespace = "http://libvirt.org/schemas/domain/qemu/1.0";
constexpr std::int64_t translation_cache_mib = 32;  // QEMU's default of 1 GiB grows with what the guest executes

std::string_view domain_type(const GuestSpec& spec, const DomainPlan& plan) {
  if (plan.kind == DomainKind::test) return "test";
  return spec.acceleration == Acceleration::kvm ? "kvm" : "qemu";
}

void write_identity(XmlWriter& xml, const GuestSpec& spec, const DomainPlan& plan) {
  xml.open("name").text(spec.id.text()).close();
  xml.open("uuid").text(spec.id.text()).close();
  if (!spec.name.empty()) xml.open("title").text(spec.name).close();
  xml.open("metadata");
  write_guest_metadata(xml, {spec.id, spec.tenant, spec.generation, plan.host_ports, plan.segment, {}});
  xml.close();
}

void write_boot(XmlWriter& xml, const GuestSpec& spec) {
  xml.open("os").open("type").attribute("arch", "x86_64").attribute("machine", "q35").text("hvm").close();
  if (const auto* const boot = std::get_if<KernelBoot>(&spec.boot)) {
    xml.open("kernel").text(boot->kernel).close();
    if (!boot->initrd.empty()) xml.open("initrd").text(boot->initrd).close();
    xml.open("cmdline").text(boot->cmdline).close();
  } else {
    xml.open("boot").attribute("dev", "hd").close();
  }
  xml.close();
}

void write_processor(XmlWriter& xml, const GuestSpec& spec) {
  xml.open("features").open("acpi").close().open("apic").close();
  if (spec.acceleration == Acceleration::tcg) {
    xml.open("tcg").open("tb-cache").attribute("unit", "MiB").text(translation_cache_mib).close().close();
  }
  xml.close();
  if (spec.acceleration == Acceleration::kvm) xml.open("cpu").attribute("mode", "host-passthrough").close();
}

void write_lifecycle(XmlWriter& xml) {
  xml.open("clock").attribute("offset", "utc").close();
  xml.open("on_poweroff").text("destroy").close();
  xml.open("on_reboot").text("restart").close();
  xml.open("on_crash").text("destroy").close();
}

void write_disk(XmlWriter& xml, const DomainDisk& disk) {
  xml.open("disk").attribute("type", "file").attribute("device", "disk");
  xml.open("driver").attribute("name", "qemu").attribute("type", disk.format == DiskFormat::raw ? "raw" : "qcow2");
  xml.attribute("discard", "unmap").close();
  xml.open("source").attribute("file", disk.path).close();
  xml.open("target").attribute("dev", "vda").attribute("bus", "virtio").close().close();
}

void write_seed(XmlWriter& xml, const std::string& path) {
  xml.open("disk").attribute("type", "file").attribute("device", "cdrom");
  xml.open("driver").attribute("name", "qemu").attribute("type", "raw").close();
  xml.open("source").attribute("file", path).close();
  xml.open("target").attribute("dev", "sda").attribute("bus", "sata").close();
  xml.open("readonly").close().close();
}

void write_devices(XmlWriter& xml, const DomainPlan& plan) {
  xml.open("devices");
  if (plan.disk) write_disk(xml, *plan.disk);
  if (!plan.seed_path.empty()) write_seed(xml, plan.seed_path);
  xml.open("controller").attribute("type", "usb").attribute("model", "none").close();
  xml.open("serial").attribute("type", "file");
  xml.open("source").attribute("path", plan.console_path).attribute("append", "on").close();
  xml.open("target").attribute("type", "isa-serial").attribute("port", "0").close().close();
  xml.open("memballoon").attribute("model", "none").close();
  xml.open("rng").attribute("model", "virtio");
  xml.open("backend").attribute("model", "random").text("/dev/urandom").close().close();
  xml.close();
}

void write_argument(XmlWriter& xml, const std::string& value) {
  xml.open("qemu:arg").attribute("value", value).close();
}

/// In QEMU's own words, since libvirt 9.0 knows neither `restrict` nor `hostfwd`. Without `restrict` a guest would
/// reach the node's loopback, other guests' ports included. Nothing but numbers and fixed words goes in.
void write_network(XmlWriter& xml, const GuestSpec& spec, const DomainPlan& plan) {
  std::string network = "user,id=usernet,restrict=on";
  for (const auto& port : plan.host_ports) {
    const std::string_view protocol = port.protocol == "udp" ? "udp" : "tcp";
    network += fmt::format(",hostfwd={}:127.0.0.1:{}-:{}", protocol, port.host_port, port.guest_port);
  }
  const auto& id = spec.id.bytes();
  xml.open("qemu:commandline");
  write_argument(xml, "-netdev");
  write_argument(xml, network);
  write_argument(xml, "-device");
  write_argument(xml, fmt::format("virtio-net-pci,netdev=usernet,mac=52:54:00:{:02x}:{:02x}:{:02x},romfile=,bus=pcie.0,"
                                  "addr=0x10",  // far from the slots that libvirt hands out from 1 up and 31 down
                                  id[13], id[14], id[15]));
  if (plan.segment != 0) {
    write_argument(xml, "-netdev");
    write_argument(xml, segment_netdev(plan.segment));
    write_argument(xml, "-device");
    write_argument(xml, fmt::format("virtio-net-pci,netdev=segment,mac=56:{:02x}:{:02x}:{:02x}:{:02x}:{:02x},romfile=,"
                                    "bus=pcie.0,addr=0x11",
                                    id[11], id[12], id[13], id[14], id[15]));
  }
  xml.close();
}

/// At each start libvirt 9.0 asks QEMU for some 400 features of the processor one by one, which takes half a second,
/// where QEMU can tell which are missing. It is told here that QEMU cannot, so that it asks for the CPUID words: two
/// questions. A libvirt that does not know the capability's name refuses the guest with a sentence.
void write_capabilities(XmlWriter& xml) {
  xml.open("qemu:capabilities").open("qemu:del").attribute("capability", "cpu-unavailable-features").close().close();
}

}  // namespace

std::string domain_xml(const GuestSpec& spec, const DomainPlan& plan) {
  XmlWriter xml;
  xml.open("domain").attribute("type", domain_type(spec, plan)).attribute("xmlns:qemu", qemu_namespace);
  write_identity(xml, spec, plan);
  xml.open("memory").attribute("unit", "MiB").text(spec.ram.value).close();
  xml.open("vcpu").text(spec.vcpus.value).close();
  write_boot(xml, spec);
  write_processor(xml, spec);
  write_lifecycle(xml);
  write_devices(xml, plan);
  write_network(xml, spec, plan);
  write_capabilities(xml);
  return xml.close().str();
}

}  // namespace cadastre

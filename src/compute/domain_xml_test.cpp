#include "compute/domain_xml.h"

#include <doctest/doctest.h>

#include "compute/test_guest_spec.h"

namespace cadastre {
namespace {

bool has(const std::string& xml, std::string_view part) { return xml.find(part) != std::string::npos; }

DomainPlan test_plan() { return {.console_path = "/guests/console.log"}; }

TEST_CASE("a domain says what the guest's spec says") {
  auto spec = test_guest_spec();
  auto plan = test_plan();
  plan.disk = DomainDisk{"/guests/disk.qcow2"};
  plan.host_ports = {{20001, 22, "tcp"}, {20002, 53, "udp"}};
  plan.segment = 7;
  const auto xml = domain_xml(spec, plan);
  const std::string_view parts[] = {
      R"(<domain type="qemu" )",
      "<name>0190a000-0000-7000-8000-0000000a0b0c</name><uuid>0190a000-0000-7000-8000-0000000a0b0c</uuid>",
      "<title>web</title>",
      R"(<metadata><cadastre:guest xmlns:cadastre="urn:cadastre:guest:1" vm_id="0190a000-0000-7000-8000-0000000a0b0c")",
      R"(tenant="acme" generation="3" ports="tcp:20001:22 udp:20002:53" segment="7"/></metadata>)",
      R"(<memory unit="MiB">128</memory><vcpu>2</vcpu>)",
      R"(machine="q35">hvm</type><kernel>/images/vmlinuz</kernel><initrd>/images/initrd</initrd>)",
      "<cmdline>console=ttyS0</cmdline>",
      R"(<tcg><tb-cache unit="MiB">32</tb-cache></tcg>)",
      R"(<source file="/guests/disk.qcow2"/><target dev="vda" bus="virtio"/>)",
      R"(<serial type="file"><source path="/guests/console.log" append="on"/>)",
      R"(restrict=on,hostfwd=tcp:127.0.0.1:20001-:22,hostfwd=udp:127.0.0.1:20002-:53")",
      "mac=52:54:00:0a:0b:0c,",
      R"("socket,id=segment,mcast=239.255.0.7:19999,localaddr=127.0.0.1")",
      "netdev=segment,mac=56:00:00:0a:0b:0c,",
      R"(<qemu:capabilities><qemu:del capability="cpu-unavailable-features"/></qemu:capabilities>)",
  };
  for (const auto part : parts) {
    CAPTURE(part);
    CHECK(has(xml, part));
  }
  CHECK(!has(xml, "cdrom"));
}

TEST_CASE("each choice shows in the domain, and nothing of what was not chosen") {
  auto spec = test_guest_spec();
  auto plan = test_plan();
  CHECK(!has(domain_xml(spec, plan), "<disk"));
  CHECK(!has(domain_xml(spec, plan), "hostfwd"));
  CHECK(!has(domain_xml(spec, plan), "segment,"));

  plan.seed_path = "/guests/seed.iso";
  CHECK(has(domain_xml(spec, plan), R"(<source file="/guests/seed.iso"/>)"));

  spec.boot = ImageBoot{"/images/a.qcow2"};
  plan.disk = DomainDisk{"/guests/disk.qcow2"};
  CHECK(has(domain_xml(spec, plan), R"(<boot dev="hd"/>)"));
  CHECK(!has(domain_xml(spec, plan), "<kernel>"));
  CHECK(!has(domain_xml(spec, plan), "/images/a.qcow2"));  // only the overlay is the guest's

  spec.acceleration = Acceleration::kvm;
  CHECK(has(domain_xml(spec, plan), R"(<domain type="kvm" )"));
  CHECK(has(domain_xml(spec, plan), R"(<cpu mode="host-passthrough"/>)"));
  CHECK(!has(domain_xml(spec, plan), "tb-cache"));

  plan.kind = DomainKind::test;
  CHECK(has(domain_xml(spec, plan), R"(<domain type="test" )"));
}

TEST_CASE("what comes from outside stays text, even where a check before should have refused it") {
  const std::string hostile[] = {"<x/>", "a&b", R"(a"b'c)", "</title><x/>", "]]>"};
  for (const auto& text : hostile) {
    CAPTURE(text);
    auto spec = test_guest_spec();
    spec.name = text;
    spec.boot = KernelBoot{text, text, text};
    auto plan = test_plan();
    plan.seed_path = text;
    plan.console_path = text;
    plan.host_ports = {{20001, 22, text}};
    const auto xml = domain_xml(spec, plan);
    CHECK(!has(xml, text));
    CHECK(has(xml, "hostfwd=tcp:127.0.0.1:20001-:22"));  // any other protocol is none
  }
}

}  // namespace
}  // namespace cadastre

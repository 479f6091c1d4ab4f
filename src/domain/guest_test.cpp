#include "domain/guest.h"

#include <doctest/doctest.h>

#include <functional>

namespace cadastre {
namespace {

GuestSpec plain_spec() {
  return {.id = *VmId::parse("0190a000-0000-7000-8000-000000000001"),
          .tenant = *TenantId::parse("acme"),
          .name = "web",
          .ram = Mebibytes{128},
          .vcpus = VcpuCount{1},
          .disk = Gigabytes{1},
          .boot = KernelBoot{"/images/vmlinuz", "/images/initrd", "console=ttyS0"},
          .ports = {{22, "tcp"}}};
}

std::string refused_member(const GuestSpec& spec) {
  const auto outcome = check_guest_spec(spec);
  return outcome ? std::string() : outcome.error().errors.front().pointer;
}

TEST_CASE("a guest is refused for what could not be a name, a number or a path") {
  struct Row {
    std::string_view name;
    std::function<void(GuestSpec&)> change;
    std::string_view refused;
  };
  const Row rows[] = {
      {"as it is", [](GuestSpec&) {}, ""},
      {"without a name", [](GuestSpec& s) { s.name.clear(); }, ""},
      {"no tenant's", [](GuestSpec& s) { s.tenant = TenantId::platform(); }, "/tenant_id"},
      {"generation 0", [](GuestSpec& s) { s.generation = 0; }, "/generation"},
      {"an element for a name", [](GuestSpec& s) { s.name = "<x/>"; }, "/name"},
      {"an entity for a name", [](GuestSpec& s) { s.name = "a&b"; }, "/name"},
      {"a path for a name", [](GuestSpec& s) { s.name = "../../x"; }, "/name"},
      {"no memory", [](GuestSpec& s) { s.ram = {}; }, "/ram_mb"},
      {"no processor", [](GuestSpec& s) { s.vcpus = {}; }, "/vcpu_count"},
      {"256 processors", [](GuestSpec& s) { s.vcpus = VcpuCount{256}; }, "/vcpu_count"},
      {"a negative disk", [](GuestSpec& s) { s.disk = Gigabytes{-1}; }, "/disk_gb"},
      {"diskless with a kernel", [](GuestSpec& s) { s.disk = {}; }, ""},
      {"diskless with an image",
       [](GuestSpec& s) {
         s.disk = {};
         s.boot = ImageBoot{"/images/a.qcow2"};
       },
       "/disk_gb"},
      {"a relative image", [](GuestSpec& s) { s.boot = ImageBoot{"a.qcow2"}; }, "/boot/image"},
      {"an image above", [](GuestSpec& s) { s.boot = ImageBoot{"/images/../../etc/shadow"}; }, "/boot/image"},
      {"a folder above", [](GuestSpec& s) { s.boot = ImageBoot{"/images/.."}; }, "/boot/image"},
      {"dots that do not climb", [](GuestSpec& s) { s.boot = ImageBoot{"/images/..a/b..c"}; }, ""},
      {"a zero in a path", [](GuestSpec& s) { s.boot = KernelBoot{std::string("/a\0b", 4), "", ""}; }, "/boot/kernel"},
      {"no kernel", [](GuestSpec& s) { s.boot = KernelBoot{}; }, "/boot/kernel"},
      {"no initrd", [](GuestSpec& s) { s.boot = KernelBoot{"/k", "", ""}; }, ""},
      {"a newline for the kernel", [](GuestSpec& s) { s.boot = KernelBoot{"/k", "", "a\nb"}; }, "/boot/cmdline"},
      {"quotes for the kernel", [](GuestSpec& s) { s.boot = KernelBoot{"/k", "", "a=\"<&>'\""}; }, ""},
      {"port 0", [](GuestSpec& s) { s.ports = {{0, "tcp"}}; }, "/ports/guest_port"},
      {"port 65536", [](GuestSpec& s) { s.ports = {{65536, "tcp"}}; }, "/ports/guest_port"},
      {"sctp", [](GuestSpec& s) { s.ports = {{22, "sctp"}}; }, "/ports/protocol"},
      {"33 ports", [](GuestSpec& s) { s.ports.assign(33, {22, "tcp"}); }, "/ports"},
      {"a seed beyond measure", [](GuestSpec& s) { s.seed = GuestSeed{"", std::string((1U << 20U) + 1, '#')}; },
       "/seed"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    auto spec = plain_spec();
    row.change(spec);
    CHECK(refused_member(spec) == row.refused);
  }
}

TEST_CASE("the words for acceleration are auto, kvm and tcg") {
  CHECK(parse_acceleration_wish("auto") == AccelerationWish::automatic);
  CHECK(parse_acceleration_wish("kvm") == AccelerationWish::kvm);
  CHECK(parse_acceleration_wish("tcg") == AccelerationWish::tcg);
  for (const auto* text : {"", "KVM", "automatic", "hvf"}) CHECK(!parse_acceleration_wish(text));
}

}  // namespace
}  // namespace cadastre

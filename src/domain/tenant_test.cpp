#include <doctest/doctest.h>

#include <string>

#include "domain/tenant.h"
#include "domain/vm.h"

namespace cadastre {
namespace {

TEST_CASE("a tenant id is a DNS label of lower-case letters, digits and single dashes") {
  const std::string longest(63, 'a');
  const std::string too_long(64, 'a');
  struct Row {
    std::string_view text;
    bool legal;
  };
  const Row rows[] = {{"a", true},      {"acme-corp", true},  {"a1-2b", true},      {longest, true},
                      {"", false},      {too_long, false},    {"Acme", false},      {"1acme", false},
                      {"-acme", false}, {"acme-", false},     {"ac--me", false},    {"ac_me", false},
                      {"../x", false},  {"acme.corp", false}, {"acme corp", false}, {"\xc3\xa9", false},
                      {"a/b", false},   {"a\n", false}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(TenantId::parse(row.text).has_value() == row.legal);
  }
}

TEST_CASE("a resource name may also have upper-case letters and begin with a digit") {
  for (const std::string_view legal : {"VmTotebox", "9front", "a-B-9"}) CHECK(is_resource_name(legal));
  for (const std::string_view illegal : {"", "-a", "a-", "a--b", "../../x", "<x/>", "a b"})
    CHECK_FALSE(is_resource_name(illegal));
}

TEST_CASE("a display name is counted in characters and holds no control characters") {
  std::string wide;
  for (int i = 0; i < 200; ++i) wide += "\xc3\xa9";
  CHECK(check_display_name(wide).has_value());
  CHECK_FALSE(check_display_name(wide + "x").has_value());
  CHECK_FALSE(check_display_name("").has_value());
  CHECK_FALSE(check_display_name("a\tb").has_value());
}

TEST_CASE("a suspended tenant may not be changed, and a deleted one does not exist") {
  Tenant tenant{.id = *TenantId::parse("acme-corp")};
  CHECK(admit_change(tenant).has_value());
  tenant.state = TenantState::suspended;
  CHECK(admit_change(tenant).error().code == Code::tenant_suspended);
  tenant.state = TenantState::deleted;
  CHECK(admit_change(tenant).error().code == Code::not_found);
}

TEST_CASE("a VM id is a UUID of version 7 that reads back") {
  SeededRandom random(1);
  const auto id = VmId::draw(random, instant_from_ms(0x0123456789ab));
  const std::string text = id.text();
  CHECK(text.substr(0, 13) == "01234567-89ab");
  CHECK(text[14] == '7');
  CHECK(std::string_view("89ab").find(text[19]) != std::string_view::npos);
  CHECK(VmId::parse(text) == id);
  CHECK_FALSE(VmId::parse("0123456789ab7000800000000000000000000").has_value());
  CHECK_FALSE(VmId::parse("01234567-89ab-7000-8000-00000000000g").has_value());
}

TEST_CASE("an order names every member that can never be right") {
  const VmOrder good{.vm_type = "VmTotebox", .ram = Mebibytes{256}, .vcpus = VcpuCount{1}};
  CHECK(check_vm_order(good).has_value());
  struct Row {
    std::string_view pointer;
    VmOrder order;
  };
  VmOrder bad_type = good, no_ram = good, no_cpu = good, negative_disk = good, bad_port = good, bad_name = good;
  bad_type.vm_type = "../../x";
  no_ram.ram = Mebibytes{0};
  no_cpu.vcpus = VcpuCount{limit_max + 1};
  negative_disk.disk = Gigabytes{-1};
  bad_port.ports = {{.guest_port = 0, .protocol = "tcp"}};
  bad_name.name = "<x/>";
  const Row rows[] = {{"/vm_type", bad_type},
                      {"/ram_mb", no_ram},
                      {"/vcpu_count", no_cpu},
                      {"/disk_gb", negative_disk},
                      {"/ports/0/guest_port", bad_port},
                      {"/name", bad_name}};
  for (const Row& row : rows) {
    CAPTURE(row.pointer);
    const auto answer = check_vm_order(row.order);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == Code::invalid_field);
    CHECK(answer.error().errors.front().pointer == row.pointer);
  }
}

}  // namespace
}  // namespace cadastre

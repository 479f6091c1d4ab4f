#include "compute/guest_metadata.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

constexpr const char* uuid = "0190a000-0000-7000-8000-000000000001";

TEST_CASE("metadata is read as it was written") {
  GuestMetadata written{
      *VmId::parse(uuid), *TenantId::parse("acme-corp"), 42, {{20001, 22, "tcp"}, {20002, 53, "udp"}}, 7, {}};
  const auto element = encode_guest_metadata(written);
  CHECK(element == R"(<guest vm_id="0190a000-0000-7000-8000-000000000001" tenant="acme-corp" generation="42")"
                   R"( ports="tcp:20001:22 udp:20002:53" segment="7"/>)");
  const auto read = parse_guest_metadata(element);
  REQUIRE(read);
  CHECK(read->id == written.id);
  CHECK(read->tenant == written.tenant);
  CHECK(read->generation == 42);
  CHECK(read->segment == 7);
  REQUIRE(read->host_ports.size() == 2);
  CHECK(read->host_ports[1].host_port == 20002);
  CHECK(read->host_ports[1].guest_port == 53);
  CHECK(read->host_ports[1].protocol == "udp");
  CHECK(!read->started_at);

  written.host_ports.clear();
  written.started_at = instant_from_ms(1'700'000'000'123);
  const auto again = parse_guest_metadata(encode_guest_metadata(written));
  REQUIRE(again);
  CHECK(again->host_ports.empty());
  CHECK(again->started_at == written.started_at);
}

TEST_CASE("what is not our element is another's guest") {
  const std::string good =
      R"(vm_id="0190a000-0000-7000-8000-000000000001" tenant="acme" generation="1" ports="" segment="0")";
  CHECK(parse_guest_metadata("<guest " + good + "/>"));
  CHECK(parse_guest_metadata(
      R"(<guest vm_id='0190a000-0000-7000-8000-000000000001' tenant='acme' generation='1' segment='65535'/>)"));
  const std::string rows[] = {
      "",
      "<guest/>",
      "<guest />",
      "<other " + good + "/>",
      "<guest " + good + ">",
      "<guest " + good + "></guest>",
      "<guest " + good + " tenant=\"other\"/>",
      "<guest " + good + " x/>",
      "<guest " + good + " x=1/>",
      "<guest " + good + " x=\"1/>",
      "<guest " + good + " x=\"&lt;\"/>",
      R"(<guest vm_id="../../x" tenant="acme" generation="1" ports="" segment="0"/>)",
      R"(<guest vm_id="0190a000-0000-7000-8000-000000000001" tenant="" generation="1" ports="" segment="0"/>)",
      R"(<guest vm_id="0190a000-0000-7000-8000-000000000001" tenant="acme" generation="1x" ports="" segment="0"/>)",
      R"(<guest vm_id="0190a000-0000-7000-8000-000000000001" tenant="acme" generation="1" ports="tcp:0:22" segment="0"/>)",
      R"(<guest vm_id="0190a000-0000-7000-8000-000000000001" tenant="acme" generation="1" ports="tcp:20001" segment="0"/>)",
      R"(<guest vm_id="0190a000-0000-7000-8000-000000000001" tenant="acme" generation="1" ports="icmp:1:1" segment="0"/>)",
      R"(<guest vm_id="0190a000-0000-7000-8000-000000000001" tenant="acme" generation="1" ports="tcp:70000:22" segment="0"/>)",
      R"(<guest vm_id="0190a000-0000-7000-8000-000000000001" tenant="acme" generation="1" ports=""/>)",
      R"(<guest vm_id="0190a000-0000-7000-8000-000000000001" tenant="acme" generation="1" ports="" segment="65536"/>)",
  };
  for (const auto& row : rows) {
    CAPTURE(row);
    CHECK(!parse_guest_metadata(row));
  }
}

}  // namespace
}  // namespace cadastre

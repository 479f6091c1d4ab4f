// What a node is at a time, and which of its words are news.
#include "domain/node.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

constexpr Instant noon = instant_from_s(1'800'000'000);

NodeFacts facts() {
  return {.hostname = "rack-1",
          .boot_id = "0f5b1b9e-7c8e-4f1c-9f52-5d7ad4a6e0d1",
          .ram_total = Mebibytes{16384},
          .ram_used = Mebibytes{1024},
          .cores = VcpuCount{8},
          .cpu_load_pct = 12,
          .disk_total = Gigabytes{500},
          .disk_used = Gigabytes{20}};
}

TEST_CASE("a node is Ready while it is heard of, by the control plane's clock") {
  Node node{.tenant = *TenantId::parse("acme"), .id = "n"};
  CHECK(status_of(node, noon) == NodeStatus::unknown);
  node.last_heartbeat = noon;
  CHECK(status_of(node, noon) == NodeStatus::ready);
  CHECK(status_of(node, noon + node_silence_max) == NodeStatus::ready);
  CHECK(status_of(node, noon + node_silence_max + std::chrono::milliseconds(1)) == NodeStatus::unknown);
  CHECK(status_of(node, noon - std::chrono::hours(1)) == NodeStatus::ready);  // the clock was set back
  node.cordoned = true;
  CHECK(status_of(node, noon + std::chrono::hours(1)) == NodeStatus::cordoned);
}

TEST_CASE("how busy a machine is, is no news of the machine") {
  struct Row {
    std::string_view name;
    void (*change)(NodeFacts&);
    bool is_news;
  };
  const Row rows[] = {
      {"nothing", [](NodeFacts&) {}, false},
      {"memory in use", [](NodeFacts& f) { f.ram_used = Mebibytes{9}; }, false},
      {"load", [](NodeFacts& f) { f.cpu_load_pct = 99; }, false},
      {"disk in use", [](NodeFacts& f) { f.disk_used = Gigabytes{9}; }, false},
      {"memory", [](NodeFacts& f) { f.ram_total = Mebibytes{9}; }, true},
      {"cores", [](NodeFacts& f) { f.cores = VcpuCount{9}; }, true},
      {"disk", [](NodeFacts& f) { f.disk_total = Gigabytes{9}; }, true},
      {"another start", [](NodeFacts& f) { f.boot_id = "other"; }, true},
      {"name", [](NodeFacts& f) { f.hostname = "rack-2"; }, true},
      {"KVM", [](NodeFacts& f) { f.kvm_available = true; }, true},
      {"reserved", [](NodeFacts& f) { f.reserved = true; }, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    NodeFacts after = facts();
    row.change(after);
    CHECK(is_another_machine_state(facts(), after) == row.is_news);
  }
}

TEST_CASE("what an agent may tell") {
  CHECK(check_node_facts(facts()));
  struct Row {
    std::string_view pointer;
    void (*change)(NodeFacts&);
  };
  const Row rows[] = {
      {"/hostname", [](NodeFacts& f) { f.hostname = "<x/>"; }},
      {"/hostname", [](NodeFacts& f) { f.hostname.clear(); }},
      {"/hostname", [](NodeFacts& f) { f.hostname = std::string(254, 'a'); }},
      {"/boot_id", [](NodeFacts& f) { f.boot_id = "a b"; }},
      {"/ram_total_mb", [](NodeFacts& f) { f.ram_total = Mebibytes{-1}; }},
      {"/ram_used_mb", [](NodeFacts& f) { f.ram_used = Mebibytes{limit_max + 1}; }},
      {"/cpu_cores", [](NodeFacts& f) { f.cores = VcpuCount{-1}; }},
      {"/cpu_load_pct", [](NodeFacts& f) { f.cpu_load_pct = -1; }},
      {"/disk_total_gb", [](NodeFacts& f) { f.disk_total = Gigabytes{limit_max + 1}; }},
      {"/disk_used_gb", [](NodeFacts& f) { f.disk_used = Gigabytes{-1}; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pointer);
    NodeFacts wrong = facts();
    row.change(wrong);
    const auto checked = check_node_facts(wrong);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().errors.front().pointer == row.pointer);
  }
  NodeFacts nameless = facts();
  nameless.boot_id.clear();
  CHECK(check_node_facts(nameless));
}

}  // namespace
}  // namespace cadastre

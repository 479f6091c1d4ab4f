// Scopes: spelling, order, delegation.
#include "domain/scope.h"

#include <doctest/doctest.h>

#include <vector>

namespace cadastre {
namespace {

Scope scope_of(std::string_view text) {
  const auto scope = Scope::parse_canonical(text);
  REQUIRE(scope.has_value());
  return *scope;
}

TEST_CASE("a token's scope has one spelling; a request may write the tiers in either case") {
  const std::string longest = "service:" + std::string(63, 'a');
  struct Row {
    std::string text;
    bool canonical, request;
  };
  const Row rows[] = {
      {"READ", true, true},
      {"USER", true, true},
      {"INPUT", true, true},
      {"input", false, true},
      {"Read", false, true},
      {"service:tenant-admin", true, true},
      {"service:platform-admin", true, true},
      {"service:vm-host", true, true},
      {"service:a", true, true},
      {longest, true, true},
      {longest + "a", false, false},
      {"Service:tenant-admin", false, false},
      {"SERVICE:TENANT-ADMIN", false, false},
      {"service:Tenant-admin", false, false},
      {"service:", false, false},
      {"service:-a", false, false},
      {"service:1a", false, false},
      {"service:a b", false, false},
      {"service:a_b", false, false},
      {"READ ", false, false},
      {" READ", false, false},
      {"READ INPUT", false, false},
      {"", false, false},
      {"ADMIN", false, false},
      {std::string("READ\0", 5), false, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(Scope::parse_canonical(row.text).has_value() == row.canonical);
    CHECK(Scope::parse(row.text).has_value() == row.request);
    if (row.canonical) CHECK(Scope::parse_canonical(row.text)->text() == row.text);
  }
  CHECK(Scope::parse("input")->text() == "INPUT");
}

TEST_CASE("the tiers and the administrators are ordered, other services stand alone") {
  const char* const order[] = {"READ", "USER", "INPUT", "service:tenant-admin", "service:platform-admin"};
  for (int held = 0; held < 5; ++held) {
    for (int needed = 0; needed < 5; ++needed) {
      CAPTURE(order[held]);
      CAPTURE(order[needed]);
      CHECK(permits(scope_of(order[held]), scope_of(order[needed])) == (held >= needed));
    }
    CHECK_FALSE(permits(scope_of(order[held]), scope_of("service:vm-host")));
    CHECK_FALSE(permits(scope_of("service:vm-host"), scope_of(order[held])));
  }
  CHECK(permits(scope_of("service:vm-host"), scope_of("service:vm-host")));
  CHECK_FALSE(permits(scope_of("service:vm-host"), scope_of("service:console")));
}

TEST_CASE("nobody hands out more than it holds") {
  const std::vector<std::string> delegable{"service:vm-host", "service:console"};
  struct Row {
    std::string_view parent, child;
    bool allowed;
  };
  const Row rows[] = {
      {"INPUT", "READ", true},
      {"INPUT", "INPUT", true},
      {"INPUT", "service:tenant-admin", false},
      {"INPUT", "service:vm-host", false},
      {"service:tenant-admin", "INPUT", true},
      {"service:tenant-admin", "service:tenant-admin", true},
      {"service:tenant-admin", "service:platform-admin", false},
      {"service:tenant-admin", "service:vm-host", true},
      {"service:tenant-admin", "service:ledger", false},
      {"service:platform-admin", "service:ledger", true},
      {"service:platform-admin", "service:tenant-admin", true},
      {"service:vm-host", "service:vm-host", true},
      {"service:vm-host", "service:console", false},
      {"service:vm-host", "READ", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.parent);
    CAPTURE(row.child);
    CHECK(may_delegate(scope_of(row.parent), scope_of(row.child), delegable) == row.allowed);
  }
  const std::vector<std::string> careless{"service:platform-admin", "INPUT"};
  CHECK_FALSE(may_delegate(Scope::tenant_admin(), Scope::platform_admin(), careless));
  CHECK(Scope::parse_canonical("service:a09z").has_value());
}

}  // namespace
}  // namespace cadastre
